// Drives a Guard with a real engine and clock: on the caller's thread until the decision, so that a refusal starts no
// thread, and then on a thread of its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "api/deadline_state.hpp"
#include "api/guard.hpp"
#include "api/shared_engine.hpp"
#include "util/alarm.hpp"
#include "util/fd.hpp"

namespace condolock::api {

// This machine lacks a descriptor, a thread or memory for them. what() says which.
struct Shortage : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// A predicate has thrown this.
struct PredicateThrew {
  std::exception_ptr what;
};

class LeaseThread {
 public:
  // Asks the predicates, in their order.
  using Judge = std::function<std::vector<bool>()>;

  // Throws Shortage.
  LeaseThread(run::Plan plan, Judge judge, std::shared_ptr<Engine::Impl> engine, std::shared_ptr<Deadline::State> deadline);
  LeaseThread(const LeaseThread&) = delete;
  LeaseThread& operator=(const LeaseThread&) = delete;
  // The thread must have ended: see finish().
  ~LeaseThread() = default;

  // Blocks until the grant is there and its thread runs, or until the run is over. `stop` ends a wait. Throws PredicateThrew
  // and Shortage; then nothing is held.
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
  // After finish(): the thread has failed.
  bool is_broken() const { return broken_; }

 private:
  void drive(const std::stop_token& stop);
  void turn(const std::stop_token& stop);
  void take_requests(const std::stop_token& stop, Instant now);
  void perform(Guard::Steps steps);
  void publish();
  void lost(std::string why);
  void call_off();
  void start();
  void work() noexcept;
  void end();
  void close_descriptors();

  Guard guard_;
  const Judge judge_;
  const std::shared_ptr<Engine::Impl> engine_;
  std::unique_ptr<engine::Engine> connection_;
  const std::shared_ptr<Deadline::State> deadline_;
  std::stop_source lost_;
  std::optional<util::Alarm> alarm_;
  bool performed_ = false;  // in this turn
  bool called_off_ = false;
  bool broken_ = false;

  mutable std::mutex mutex_;  // protects what follows
  std::condition_variable changed_;
  util::Fd bell_;            // wakes the poll
  std::optional<int> code_;  // finish() was called
  bool ended_ = false;       // the thread is done
  std::string lost_because_;

  std::thread thread_;
  std::thread::id id_;
};

}  // namespace condolock::api
