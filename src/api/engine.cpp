#include <unistd.h>

#include <algorithm>

#include "api/shared_engine.hpp"
#include "engine/ask.hpp"
#ifdef CONDOLOCK_TLS
#include "engine/redis/tls_transport.hpp"
#endif
#include "lock/record.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/random.hpp"

namespace condolock {

Exception::Exception(const Error& error) : std::runtime_error(error.text), code_(error.code) {}
Exception::~Exception() = default;

namespace api {

void fail(Errc code, std::string text) { throw Exception({code, std::move(text)}); }

Error error_of(const engine::Failure& failure) {
  const auto code = [&] {
    switch (failure.fault) {
      case engine::Fault::unreachable:
        return Errc::unreachable;
      case engine::Fault::not_ready:
        return Errc::not_ready;
      case engine::Fault::local:
        return Errc::local;
      case engine::Fault::not_primary:
        return Errc::not_primary;
      case engine::Fault::write_refused:
        return Errc::write_refused;
      case engine::Fault::denied:
        return Errc::denied;
      case engine::Fault::misconfigured:
        return Errc::misconfigured;
      case engine::Fault::malformed:
        return Errc::malformed;
      case engine::Fault::unexpected:
        return Errc::unexpected;
    }
    return Errc::internal;
  };
  return {code(), failure.text};
}

void fail(const engine::Failure& failure) { throw Exception(error_of(failure)); }

void check_length(const char* name, Millis length, Millis min) {
  if (length < min) fail(Errc::invalid, std::string(name) + ": must be at least " + util::format_duration(min));
  if (length > util::longest_duration) fail(Errc::invalid, std::string(name) + ": it is longer than 100 years");
}

FileSizeSignalBlocked::FileSizeSignalBlocked(const engine::Location& location)
    : active_(std::holds_alternative<engine::embedded::DatabaseLocation>(location)) {
  if (!active_) return;
  sigset_t pending;
  sigpending(&pending);
  was_pending_ = sigismember(&pending, SIGXFSZ) == 1;
  sigset_t signal;
  sigemptyset(&signal);
  sigaddset(&signal, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &signal, &before_);
}

FileSizeSignalBlocked::~FileSizeSignalBlocked() {
  if (!active_) return;
  sigset_t signal;
  sigemptyset(&signal);
  sigaddset(&signal, SIGXFSZ);
  const timespec now{};
  if (!was_pending_) sigtimedwait(&signal, nullptr, &now);  // one that came since is this library's
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

namespace {

Time time_of(std::int64_t ms) { return Time(Millis(ms)); }

std::optional<Time> time_of(const std::optional<std::int64_t>& ms) {
  return ms ? std::optional(time_of(*ms)) : std::nullopt;
}

JobStatus public_status(const std::string& key, const lock::Record& record) {
  JobStatus status;
  status.key = key;
  status.now = time_of(record.now);
  status.known = record.known;
  status.fence = record.fence;
  status.last_success_start = time_of(record.success_start);
  status.last_success_end = time_of(record.success_end);
  status.last_end = time_of(record.ended);
  status.last_outcome = record.outcome;
  status.last_code = record.code;
  status.failures_in_a_row = record.failures_in_a_row;
  status.skips = record.skips;
  status.runs = record.runs;
  status.failures = record.failures;
  if (const auto& last = record.last_refusal) status.last_skip = LastSkip{time_of(last->at), last->who, last->why};
  if (record.pause) status.pause = public_pause(*record.pause);
  for (const lock::Holder& holder : record.holders) {
    status.holders.push_back(
        {holder.who, time_of(holder.start), time_of(holder.until), holder.fence, holder.revoked.has_value()});
  }
  status.slots = record.slots;
  return status;
}

}  // namespace

Pause public_pause(const lock::Paused& paused) { return {paused.left, paused.why, paused.by, paused.all}; }

}  // namespace api

// ---- connections

// More would only keep a server busy that has many clients.
constexpr std::size_t max_idle = 4;

Engine::Impl::Impl(engine::Location where, std::string name, Millis limit)
    : location(std::move(where)), ns(std::move(name)), timeout(limit), owner(getpid()) {
  idle_.reserve(max_idle);  // give_back() must not fail
}

// After fork(), closing a connection would say goodbye on the parent's.
Engine::Impl::~Impl() {
  if (is_owner()) return;
  for (auto& connection : idle_) static_cast<void>(connection.release());
}

bool Engine::Impl::is_owner() const { return owner == getpid(); }

lock::Job Engine::Impl::job(std::string_view key) const {
  auto checked = lock::checked_key(key);
  if (!checked) api::fail(Errc::invalid, checked.error().text);
  return {ns, *std::move(checked)};
}

std::unique_ptr<engine::Engine> Engine::Impl::take() {
  if (!is_owner()) api::fail(Errc::invalid, "after fork(), the child must call connect() again");
  const std::lock_guard guard(mutex_);
  if (idle_.empty()) return engine::open(location);
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

// A directory that is open keeps others from putting its files in order.
void Engine::Impl::give_back(std::unique_ptr<engine::Engine> connection) {
  if (!std::holds_alternative<engine::redis::Target>(location)) return;
  const std::lock_guard guard(mutex_);
  if (idle_.size() < max_idle) idle_.push_back(std::move(connection));
}

engine::Reply Engine::Impl::ask(engine::Call call) {
  const api::FileSizeSignalBlocked blocked(location);
  auto connection = take();
  engine::Reply reply = engine::ask(*connection, std::move(call), patience());
  give_back(std::move(connection));
  return reply;
}

std::unique_ptr<Engine> connect(std::string_view url, const ConnectOptions& options) {
#ifdef CONDOLOCK_TLS
  engine::redis::provide_tls(engine::redis::connect_over_tls);
#endif
  auto location = engine::parse_url(url);
  if (!location) api::fail(Errc::misconfigured, "invalid URL: " + location.error().text);
  if (const auto problem = engine::unsupported(*location)) api::fail(Errc::misconfigured, problem->text);
  if (engine::needs_tls(*location)) api::fail(Errc::misconfigured, "invalid URL: this build has no TLS");
  const auto ns = lock::checked_namespace(options.ns);
  if (!ns) api::fail(Errc::misconfigured, ns.error().text);
  api::check_length("timeout", options.timeout, Millis(1));
  if (auto* target = std::get_if<engine::redis::Target>(&*location)) {
    if (!options.user.empty()) target->user = options.user;
    if (!options.password.empty()) target->password = options.password;
    target->sentinel_user = options.sentinel_user;
    target->sentinel_password = options.sentinel_password;
    if (target->tls) {
      target->tls = {options.tls.ca, options.tls.cert, options.tls.key, options.tls.name, options.tls.insecure};
    }
  }
  return std::make_unique<Engine>(std::make_shared<Engine::Impl>(*std::move(location), *ns, options.timeout));
}

std::unique_ptr<Engine> connect(std::string_view url, const ConnectOptions& options, Error& error) {
  return api::caught<std::unique_ptr<Engine>>(error, [&] { return connect(url, options); });
}

// ---- the engine's calls

Engine::Engine(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

JobStatus Engine::status(std::string_view key) const {
  const lock::Job job = impl_->job(key);
  auto records = api::value_of(lock::decode_records(impl_->ask(lock::records_call(job.ns, {job.key})), 1));
  return api::public_status(job.key, api::value_of(std::move(records.front())));
}

JobStatus Engine::status(std::string_view key, Error& error) const {
  return api::caught<JobStatus>(error, [&] { return status(key); });
}

std::vector<PastRun> Engine::history(std::string_view key, std::int64_t limit) const {
  const lock::Job job = impl_->job(key);
  if (limit < 1 || limit > 10'000) {
    api::fail(Errc::invalid, "limit: invalid number '" + std::to_string(limit) + "': use 1 to 10000");
  }
  const auto history = api::value_of(lock::decode_history(impl_->ask(lock::history_call(job, limit)), job));
  std::vector<PastRun> runs;
  for (const lock::HistoryEntry& run : history.runs) {
    runs.push_back({run.fence, api::time_of(run.start), api::time_of(run.end), run.outcome, run.code, run.who});
  }
  return runs;
}

std::vector<PastRun> Engine::history(std::string_view key, std::int64_t limit, Error& error) const {
  return api::caught<std::vector<PastRun>>(error, [&] { return history(key, limit); });
}

void Engine::touch(std::string_view key, Outcome outcome) {
  lock::Attempt attempt;
  attempt.job = impl_->job(key);
  attempt.token = util::random_token();
  attempt.who = lock::this_holder();
  const bool success = outcome == Outcome::success;
  const engine::Call call =
      lock::touch_call(attempt, success ? lock::Outcome::success : lock::Outcome::failed, success ? 0 : 1);
  api::value_of(lock::decode_recording(impl_->ask(call)));
}

void Engine::touch(std::string_view key, Outcome outcome, Error& error) {
  api::caught<int>(error, [&] { return touch(key, outcome), 0; });
}

void Engine::pause(std::string_view key, std::optional<Millis> length, std::string_view reason) {
  const lock::Job job = impl_->job(key);
  if (reason.size() > 64) api::fail(Errc::invalid, "the reason must have at most 64 bytes");
  if (length) api::check_length("length", *length, Millis(1));
  api::value_of(lock::decode_pause(impl_->ask(lock::pause_call(job, length, std::string(reason)))));
}

void Engine::pause(std::string_view key, std::optional<Millis> length, std::string_view reason, Error& error) {
  api::caught<int>(error, [&] { return pause(key, length, reason), 0; });
}

bool Engine::resume(std::string_view key) {
  return api::value_of(lock::decode_pause(impl_->ask(lock::resume_call(impl_->job(key)))));
}

bool Engine::resume(std::string_view key, Error& error) {
  return api::caught<bool>(error, [&] { return resume(key); });
}

}  // namespace condolock
