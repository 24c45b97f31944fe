// The log of a trial: which processes the runs had, and when each of them lived. Append-only, in a file that all share.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace chaos {

using Nanos = std::int64_t;

// CLOCK_MONOTONIC, the same for all processes of a machine.
Nanos now();
constexpr Nanos ms(std::int64_t n) { return n * 1'000'000; }

// One process of a run. It updates `last` every two milliseconds while it is alive and not stopped.
struct Life {
  std::int64_t run = 0;    // which run of the trial it belongs to, from 1
  std::int64_t fence = 0;  // the fencing token of that run; 0: the tool has none
  std::int32_t pid = 0;
  std::int32_t left = 0;  // 1: its command leaves this process on purpose
  std::int32_t done = 0;  // 1: not a process, but the mark of a command that reached its end
  std::int32_t unused = 0;
  std::atomic<Nanos> first{0};  // 0: not written yet
  std::atomic<Nanos> last{0};
};

class Log {
 public:
  // Creates the file if it is not there. Throws std::system_error.
  explicit Log(const std::string& path);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  // The next free entry. Aborts if the log is full: an incomplete log proves nothing.
  Life& append();
  std::vector<const Life*> lives() const;

 private:
  struct File;
  File* file_ = nullptr;
};

// The process of a run: `witness FOR_MS [stubborn] [left] [done]`. It lives for that time, and updates an entry in the log
// that the environment names. stubborn: it ignores TERM. Returns its exit code.
int witness(int argc, char** argv);

}  // namespace chaos
