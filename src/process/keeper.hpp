// The keeper, as condolock sees it: a process that starts the command and watches condolock, as condolock watches it. Each
// of the two can end the run without the other. Knows no lease.
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
struct Expired {};  // the keeper has ended the run, since a deadline had passed
struct Exited {     // the command has ended
  int code = 0;     // 128+N for signal N
};
struct Over {};  // it has ended, and nothing of the run lives
struct Gone {};  // the keeper was killed or stopped
struct Denied {  // a process of the run belongs to another user and can't be signalled
  pid_t pid = 0;
};
}  // namespace news

using News =
    std::variant<news::Started, news::NotStarted, news::Expired, news::Exited, news::Over, news::Gone, news::Denied>;

// Until when condolock moves these times, or the keeper ends the run.
struct Deadlines {
  Instant term_at = Instant::max();
  Instant kill_at = Instant::max();
};

class Keeper {
 public:
  enum class By : std::uint8_t { clone, fork };

  // Starts the keeper, and it starts the command: with the caller's signal mask and dispositions and with the descriptors
  // that the caller passed. The command gets a process group of its own, unless the session has a controlling terminal: then
  // it stays in ours, so that the keys of the terminal and a shell's job control work on it as they would without us.
  // Returns before the command is executed. A clone() that shares memory is cheaper; where the kernel refuses it, fork() is
  // used.
  static std::variant<Keeper, SpawnError> start(const Command& command, const CallerSignals& caller,
                                                const Deadlines& deadlines, By by = By::clone);

  // Becomes readable when the command was executed, or could not be. -1: there is no more to wait for, or CHLD tells.
  int fd() const;
  // The news since the last call. To be called after CHLD, when fd() is readable, and at look_at().
  std::vector<News> look();
  std::optional<Instant> look_at() const;

  // There is no command yet that could get a signal.
  bool is_starting() const;

  void move_deadlines(const Deadlines& deadlines);
  // To all of the run. Any signal but KILL is sent only if the run has not been told to end before, by us or by the keeper.
  void stop(int signal, Reach reach = Reach::all);
  // To the command, and to its process group where it has its own. One that ends a process is followed by CONT, since a
  // stopped process would not act on it.
  void forward(int signal);
  // A signal that came to us was sent to the command as well: both are in the foreground group, or, for CONT, in the job
  // that a shell continues.
  bool has_got(const Received& signal) const;
  // Since the last time: the command was stopped, still is, and a shell waits for its job to stop, which we are part of.
  bool has_stopped_job();

  // The run is over: the keeper ends, and signals no process of the run any more.
  void let_go();
  // After let_go: waits until the keeper has ended, so that its CPU time counts as ours; not for long, since it may be
  // stuck.
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

// Reaps those of our children that have ended, but not `spared`. For process 1, to which all orphans of a container come.
void reap_others(pid_t spared);

}  // namespace condolock::process
