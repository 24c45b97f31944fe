// The keeper, as condolock sees it: a process that starts the command. The keeper and condolock watch each other, and each
// can end the run without the other. The keeper knows nothing of leases.
//
//   condolock -- keeper -- command -- its descendants
//
// Both are subreapers, so the orphans of the run come to the keeper, and to condolock if the keeper is killed. See
// keeper_process.hpp for what the keeper does.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "process/child.hpp"
#include "process/signals.hpp"
#include "process/tree.hpp"
#include "util/clock.hpp"

namespace condolock::process {

namespace news {
struct Started {
  pid_t pid = 0;
};
struct NotStarted {
  SpawnError error;
};
struct Expired {};  // the keeper has ended the run because a deadline had passed
struct Exited {     // the command has ended
  int code = 0;     // 128+N for signal N
};
struct Over {};  // the command has ended, and no process of the run is alive
struct Gone {};  // the keeper was killed or stopped
struct Denied {  // a process of the run belongs to another user and can't be signalled
  pid_t pid = 0;
};
}  // namespace news

using News =
    std::variant<news::Started, news::NotStarted, news::Expired, news::Exited, news::Over, news::Gone, news::Denied>;

// Times at which the keeper ends the run, unless condolock moves them before.
struct Deadlines {
  Instant term_at = Instant::max();
  Instant kill_at = Instant::max();
};

class Keeper {
 public:
  enum class By : std::uint8_t { clone, fork };

  // Starts the keeper, which starts the command. The command gets the caller's signal mask and dispositions, and the
  // descriptors that the caller passed. It gets its own process group, unless the session has a controlling terminal. With a
  // terminal it stays in condolock's group, so that keys and a shell's job control act on it as they would without
  // condolock. Returns before the command is executed. Uses clone() with shared memory, which is cheaper, or fork() if the
  // kernel refuses that.
  static std::variant<Keeper, SpawnError> start(const Command& command, const CallerSignals& caller,
                                                const Deadlines& deadlines, By by = By::clone);

  // Becomes readable when the command was executed, or could not be. -1: nothing to wait for; or there is no pipe, and CHLD
  // arrives instead.
  int fd() const;
  // The news since the last call. Call it after CHLD, when fd() is readable, and at the time look_at().
  std::vector<News> look();
  std::optional<Instant> look_at() const;

  // Whether there is no command yet that could get a signal.
  bool is_starting() const;

  void move_deadlines(const Deadlines& deadlines);
  // Sends the signal to the whole run. Any signal except KILL is sent only if neither condolock nor the keeper has told the
  // run to end before.
  void stop(int signal, Reach reach = Reach::all);
  // Sends the signal to the command, and to its process group if it has its own. If the signal ends a process, CONT follows,
  // since a stopped process does not act on it.
  void forward(int signal);
  // Whether the command got this signal, too: the signal reached condolock because both are in the foreground group or, for
  // CONT, in the job that a shell continues.
  bool has_got(const Received& signal) const;
  // Whether, since the last call, the command was stopped and still is, and a shell waits for our job to stop.
  bool has_stopped_job();

  // Call when the run is over: the keeper ends, and signals no process of the run any more.
  void let_go();
  // After let_go: waits until the keeper has ended, so that its CPU time counts as condolock's. The wait is short, since the
  // keeper may hang.
  void wait();

  bool is_empty() const { return !state_; }  // it was moved away
  pid_t pid() const;                         // of the command
  pid_t keeper_pid() const;                  // 0: it has ended
  bool shares_group() const;

 private:
  struct State;
  explicit Keeper(std::unique_ptr<State> state);

  void look_at_start(std::vector<News>& out);
  void look_at_keeper(std::vector<News>& out);
  void take_over();
  Tree tree() const;

  struct Free {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, Free> state_;
};

// Reaps our children that have ended, except `spared`. For process 1, which adopts all orphans of a container.
void reap_others(pid_t spared);

}  // namespace condolock::process
