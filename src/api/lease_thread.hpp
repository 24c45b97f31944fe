// Drives a Guard with a real engine and clock: on the caller's thread until the decision, so that a refusal starts no
// thread, and then on a thread of its own.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "api/deadline_state.hpp"
#include "api/guard.hpp"
#include "api/shared_engine.hpp"
#include "util/alarm.hpp"
#include "util/fd.hpp"

namespace condolock::api {

class LeaseThread {
 public:
  // Throws std::system_error if there is no descriptor left.
  LeaseThread(run::Plan plan, std::shared_ptr<Engine::Impl> engine, std::shared_ptr<Deadline::State> deadline);
  LeaseThread(const LeaseThread&) = delete;
  LeaseThread& operator=(const LeaseThread&) = delete;
  // The thread must have ended: see finish().
  ~LeaseThread() = default;

  // Blocks until the grant is there and its thread runs, or until the run is over. `stop` ends a wait. Throws what a
  // predicate throws, and std::system_error if there is no thread left; nothing is held then.
  void decide(const std::stop_token& stop);
  // Ends the run, and blocks until that is recorded or given up. `code`: 0 for a success. Not on the thread itself.
  void finish(int code);

  // After decide(): the lease was granted.
  bool has_started() const { return id_ != std::thread::id(); }
  const lock::Grant& grant() const { return guard_.grant(); }  // which does not change
  // Only if it has not started, or after finish().
  const Guard& guard() const { return guard_; }
  // From any thread.
  bool is_this_thread() const { return std::this_thread::get_id() == id_; }
  std::string lost_because() const;
  std::stop_token lost_token() const noexcept { return lost_.get_token(); }
  // After finish(): the thread ended with this exception; empty: it did not.
  const std::string& broken() const { return broken_; }

 private:
  void turn(const std::stop_token& stop);
  void take_requests(const std::stop_token& stop, Instant now);
  void perform(Guard::Steps steps);
  void publish();
  void call_off();
  void start();
  void work() noexcept;
  void end();

  Guard guard_;
  const std::shared_ptr<Engine::Impl> engine_;
  std::unique_ptr<engine::Engine> connection_;
  const std::shared_ptr<Deadline::State> deadline_;
  std::stop_source lost_;
  util::Fd bell_;  // wakes the poll
  util::Alarm alarm_;
  bool performed_ = false;  // in this turn
  bool called_off_ = false;
  std::string broken_;

  mutable std::mutex mutex_;  // protects what follows
  std::condition_variable changed_;
  std::optional<int> code_;  // finish() was called
  bool ended_ = false;       // the thread is done
  std::string lost_because_;

  std::thread thread_;
  std::thread::id id_;
};

}  // namespace condolock::api
