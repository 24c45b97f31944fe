// A run as a tree of processes: the command and its descendants, looked up in /proc. The keeper and condolock both use it.
// So it makes system calls only (see system_call.hpp), and keeps its notes where both can read them.
//
// The processes of a run: the command, every descendant through living parents, and every orphan in a session of the run.
// Only an orphan in a session of its own (a daemon) has left the run.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace condolock::process {

// Sessions below the command, noted before the first signal. A signal kills parents, and then their children look like
// daemons.
struct Noted {
  static constexpr int max_sessions = 512;

  std::atomic<int> count{0};
  std::array<std::atomic<pid_t>, max_sessions> sessions{};
  std::atomic<bool> every{
      false};                    // every orphan belongs to the run: there were too many sessions, or nobody could note them
  std::atomic<pid_t> denied{0};  // this process could not be signalled: it now belongs to another user
};

struct Tree {
  pid_t root = 0;      // the orphans of the run become children of this process
  pid_t command = 0;   // must not be reaped while the tree is in use, so that no other process gets its number
  pid_t group = 0;     // the command's own process group; 0: it shares condolock's
  pid_t session = 0;   // the session of condolock and the command
  bool adopts = true;  // `root` gets the orphans; false: the kernel refused that, and only living parents show the tree
  const pid_t* spared = nullptr;  // children of `root` that do not belong to the run
  int spared_count = 0;
};

enum class Reach : std::uint8_t { all, not_its_group };

// Notes the sessions of the tree. Call it before the first signal that may kill.
void note_sessions(const Tree& tree, Noted& noted);
// Sends the signal to every living process of the tree, and then CONT, since a stopped process acts on no signal except
// KILL. KILL is repeated a few times, since a process may fork meanwhile. False: /proc could not be read, so only the
// command and its group got the signal.
bool signal_tree(const Tree& tree, Noted& noted, int signal, Reach reach);

enum class Rest : std::uint8_t {
  none,     // no process of the run is alive, except perhaps the command
  some,     // another process of the run is alive
  denied,   // the same, and none of them can be signalled
  unknown,  // /proc could not be read
};
// Looks for living processes of the tree besides the command, and reaps the orphans that have ended. Only `root` may call
// it. A run is over only after a look that found nothing and reaped nothing.
Rest rest_of(const Tree& tree, Noted& noted);
// Without /proc: whether the command's group is empty. Reaps all, also the command, which must have ended. No process gets
// the group's number while the group exists, so the group may be signalled until this is true.
bool is_over_without_proc(const Tree& tree);

// Our own children. A shell leaves some: `condolock ... 2> >(logger)` makes logger a child of condolock.
std::size_t children_of_self(pid_t* into, std::size_t size);

// Whether /proc shows the process as stopped.
bool is_stopped(pid_t pid);

}  // namespace condolock::process
