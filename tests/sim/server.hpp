// The server: the real scripts on the engine in memory, one after the other on one clock. Clients can sleep in it, as in a
// Redis that got BLPOP and script in one write.
#pragma once

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/embedded/memory_store.hpp"
#include "engine/embedded/script_host.hpp"
#include "engine/engine.hpp"
#include "sim/time.hpp"
#include "sim/trace.hpp"

namespace condolock::sim {

struct Request {
  const scripts::Script* script = nullptr;
  std::vector<std::string> keys;
  std::vector<std::string> args;
  std::optional<engine::Wait> wait;
  bool with_source = false;  // EVAL instead of EVALSHA
};

struct Answer {
  enum class Kind : std::uint8_t { values, error, no_script } kind = Kind::values;
  engine::Values values;
  std::string text;
};

// Sees every script before and after it runs.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;
  virtual void before(const Request& request, std::int64_t now_ms) = 0;
  virtual void after(const Request& request, const Answer& answer, std::int64_t now_ms) = 0;
};

class Server {
 public:
  // Takes the connection and the answer.
  using Respond = std::function<void(int, Answer)>;

  Server(Agenda& agenda, DriftingClock clock, engine::embedded::ScriptHost& host, Observer& observer, Trace& trace)
      : agenda_(agenda), clock_(clock), host_(host), observer_(observer), trace_(trace) {}

  void on_answer(Respond respond) { respond_ = std::move(respond); }

  void receive(int connection, Request request);
  // The client is gone, and the server has noticed.
  void hang_up(int connection);
  // Runs a request at once, without a connection.
  Answer execute(const Request& request);

  void go_down();
  void come_up() { up_ = true; }
  bool is_up() const { return up_; }
  void take_snapshot();  // saves what a loss brings back
  void restore_snapshot();
  void jump(Nanos length) { clock_.offset += length; }
  void forget_scripts() { known_.clear(); }

  std::int64_t now_us() const { return clock_.at(agenda_.now()) / microsecond; }
  engine::embedded::MemoryStore& store() { return store_; }
  // The tokens of the runs that sleep on this list until a push.
  std::vector<std::string> asleep(const std::string& list) const;
  std::size_t calls() const { return calls_; }

 private:
  struct Sleeper {
    int connection;
    std::uint64_t number;
    Request request;
  };

  void answer(int connection, const Request& request);
  bool take_wake_up(const std::string& list);
  void wake_sleepers();
  void wake(std::uint64_t number);

  Agenda& agenda_;
  DriftingClock clock_;
  engine::embedded::ScriptHost& host_;
  Observer& observer_;
  Trace& trace_;
  Respond respond_;
  engine::embedded::MemoryStore store_;
  engine::embedded::MemoryStore snapshot_;
  std::set<const scripts::Script*> known_;
  std::deque<Sleeper> sleepers_;
  std::uint64_t slept_ = 0;
  std::size_t calls_ = 0;
  bool up_ = true;
};

}  // namespace condolock::sim
