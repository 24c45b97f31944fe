/// @file
/// Where the records are, and what can be asked and done there without running anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "condolock/error.hpp"
#include "condolock/export.hpp"
#include "condolock/status.hpp"

namespace condolock {

/// How to check the server of a `rediss://` URL, and how to prove who we are. The files are in PEM form.
struct TlsOptions {
  std::string ca{};       ///< a file, or a directory of hashed certificates; empty: those of the system
  std::string cert{};     ///< the client's certificate; empty: none
  std::string key{};      ///< its key; empty: it is in `cert`
  std::string name{};     ///< the name to ask for (SNI) and to check; empty: the host of the URL
  bool insecure = false;  ///< check nothing: anybody may answer
};

/// How to reach the records.
struct ConnectOptions {
  std::string ns = "condolock";     ///< the namespace: [A-Za-z0-9_.-]{1,64}. Jobs and conditions see only their own.
  std::string user{};               ///< instead of the one in the URL
  std::string password{};           ///< instead of the one in the URL
  TlsOptions tls{};                 ///< for URLs with `rediss` or `valkeys`
  std::string sentinel_user{};      ///< for the Sentinels of `redis+sentinel://`; empty: their default user
  std::string sentinel_password{};  ///< for the Sentinels; empty: none
  /// The longest that one call may block, apart from a wait that it is told to make. 1 ms to 100 years. A single exchange
  /// with the server gets a fifth of it, since a context may need four and a pause.
  std::chrono::milliseconds timeout{std::chrono::seconds(25)};
};

/// How a run ended.
enum class Outcome : std::uint8_t {
  success,  ///< MinTime counts from it
  failure   ///< one more for RetryAfter and MaxFailures
};

/// The records of one namespace on one server, or in one directory.
///
/// Any number of threads may use an Engine at once. A ConditionalLock and a ConditionContext keep what they need of it, so
/// it may be destroyed before them. It keeps up to four idle connections to a server, and none to a directory.
///
/// After fork(), the child must not use an Engine of its parent: it calls connect() again. It may destroy it. With `file:`,
/// that works only if no call and no context was in progress at the fork, since SQLite's locks come along as they are; else
/// the child has to exec first, and gets Errc::local until then.
class CONDOLOCK_API Engine {
 public:
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  /// The record of a job. An unknown job is no error: see JobStatus::known.
  JobStatus status(std::string_view key) const;
  /// The same; sets `error` instead of throwing, and returns an empty value then.
  JobStatus status(std::string_view key, Error& error) const;

  /// The last runs of a job, newest first; at most `limit`, which is 1 to 10,000. A job keeps 20 unless told otherwise: see
  /// ContextOptions::history.
  std::vector<PastRun> history(std::string_view key, std::int64_t limit = 20) const;
  /// The same; sets `error` instead of throwing, and returns an empty value then.
  std::vector<PastRun> history(std::string_view key, std::int64_t limit, Error& error) const;

  /// Records a run of zero length. A live run is not affected.
  void touch(std::string_view key, Outcome outcome = Outcome::success);
  /// The same; sets `error` instead of throwing.
  void touch(std::string_view key, Outcome outcome, Error& error);

  /// Refuses new runs of a job for `length`, or until resume(). `reason` has at most 64 bytes. A live run is not affected.
  /// The record names the operator as the command does: $SUDO_USER or $LOGNAME, or else the user's number.
  void pause(std::string_view key, std::optional<std::chrono::milliseconds> length = std::nullopt,
             std::string_view reason = {});
  /// The same; sets `error` instead of throwing.
  void pause(std::string_view key, std::optional<std::chrono::milliseconds> length, std::string_view reason, Error& error);

  /// Ends a pause. Returns whether the job was paused.
  bool resume(std::string_view key);
  /// The same; sets `error` instead of throwing, and returns false then.
  bool resume(std::string_view key, Error& error);

  /// @cond the library's own
  struct CONDOLOCK_HIDDEN Impl;
  explicit Engine(std::shared_ptr<Impl> impl);
  const std::shared_ptr<Impl>& impl() const { return impl_; }
  /// @endcond

 private:
  std::shared_ptr<Impl> impl_;
};

/// Names a server or a directory, as `condolock --url` does: `redis://[user[:password]@]host[:port][/db]`, `rediss://` for
/// TLS, `unix:///path`, `file:[/DIR]`. Makes no connection: the first call that needs one does. No config file is read, and
/// no environment variable except XDG_STATE_HOME and HOME for `file:` without a directory. Errors: Errc::misconfigured,
/// Errc::invalid.
CONDOLOCK_API std::unique_ptr<Engine> connect(std::string_view url, const ConnectOptions& options = {});
/// The same; returns null if there is an error.
CONDOLOCK_API std::unique_ptr<Engine> connect(std::string_view url, const ConnectOptions& options, Error& error);

}  // namespace condolock
