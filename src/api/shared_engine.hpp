// What an Engine shares between threads: the place of the records, and connections that are not in use.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <mutex>
#include <vector>

#include "condolock/engine.hpp"
#include "engine/open.hpp"
#include "lock/job.hpp"
#include "lock/verbs.hpp"

namespace condolock {

// The functions are safe to call from several threads.
struct Engine::Impl {
  // `name`: of the namespace.
  Impl(engine::Location where, std::string name, Millis limit);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  // The limit of one exchange. A context may need four of them before it is decided: two to acquire, one to confirm a late
  // grant, one to give it back. The fifth part is for the pause between the first two.
  Millis patience() const { return std::max(timeout / 5, Millis(1)); }
  // Throws Exception.
  lock::Job job(std::string_view key) const;

  // A connection for the caller alone. It is opened with its first call.
  std::unique_ptr<engine::Engine> take();
  // Takes it back. It must not have an outstanding call.
  void give_back(std::unique_ptr<engine::Engine> connection);
  // Makes a call and blocks until the reply. It may be repeated: see engine::ask.
  engine::Reply ask(engine::Call call);
  // Whether this is the process that called connect().
  bool is_owner() const;

  const engine::Location location;
  const std::string ns;
  const Millis timeout;
  const pid_t owner;

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<engine::Engine>> idle_;
};

namespace api {

// While this lives, a write beyond the limit on the size of files (RLIMIT_FSIZE) is an error for this thread, and not the
// signal XFSZ, which would end the host. Only for a directory: sockets have no such limit.
class FileSizeSignalBlocked {
 public:
  explicit FileSizeSignalBlocked(const engine::Location& location);
  FileSizeSignalBlocked(const FileSizeSignalBlocked&) = delete;
  FileSizeSignalBlocked& operator=(const FileSizeSignalBlocked&) = delete;
  ~FileSizeSignalBlocked();

 private:
  bool active_ = false;
  bool was_pending_ = false;
  sigset_t before_{};
};

// Runs `call`, and turns what it throws into `error`. Returns T() then.
template <class T, class Call>
T caught(Error& error, Call call) {
  error = {};
  try {
    return call();
  } catch (const Exception& exception) {
    error = exception.error();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& exception) {
    error = {Errc::internal, exception.what()};
  }
  return T();
}

[[noreturn]] void fail(Errc code, std::string text);
// Fails unless the length is `min` to 100 years. `name`: of the argument.
void check_length(const char* name, Millis length, Millis min);
[[noreturn]] void fail(const engine::Failure& failure);
Error error_of(const engine::Failure& failure);

// The value, or an Exception.
template <class T>
T value_of(engine::Answered<T> answer) {
  if (!answer) fail(answer.error());
  return *std::move(answer);
}

Pause public_pause(const lock::Paused& paused);

}  // namespace api
}  // namespace condolock
