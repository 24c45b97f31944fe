#include "cli/output/run_report.hpp"

#include <fcntl.h>

#include <chrono>

#include "cli/output/command_result.hpp"
#include "cli/output/json.hpp"
#include "cli/output/write.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::cli {
namespace {

std::string_view name_of(engine::Fault fault) {
  switch (fault) {
    case engine::Fault::unreachable:
      return "unreachable";
    case engine::Fault::not_ready:
      return "not_ready";
    case engine::Fault::local:
      return "local";
    case engine::Fault::not_primary:
      return "not_primary";
    case engine::Fault::write_refused:
      return "write_refused";
    case engine::Fault::denied:
      return "denied";
    case engine::Fault::misconfigured:
      return "misconfigured";
    case engine::Fault::malformed:
      return "malformed";
    case engine::Fault::unexpected:
      return "unexpected";
  }
  return "";
}

std::optional<std::int64_t> count(const std::optional<Millis>& length) {
  if (!length) return std::nullopt;
  return length->count();
}

Json failure_json(const engine::Failure& failure) {
  return {{"fault", name_of(failure.fault)}, {"text", describe(failure)}};
}

// A report as {"event": name, ...}; null if it has no line.
struct Writer {
  const std::vector<lock::Condition>& conditions;

  static Json decision(std::string_view name) { return {{"event", "decision"}, {"decision", name}}; }
  static Json with(Json json, const Json& more) {
    json.update(more);
    return json;
  }

  Json refusal(const lock::Decision& why, bool waiting) const {
    if (const auto* held = std::get_if<lock::Held>(&why)) {
      return with(decision("busy"), {{"waiting", waiting},
                                     {"holder", who_json(held->who)},
                                     {"held_ms", held->since.count()},
                                     {"left_ms", held->left.count()},
                                     {"live", held->live},
                                     {"slots", held->slots}});
    }
    if (const auto* paused = std::get_if<lock::Paused>(&why)) {
      return with(decision("paused"), {{"waiting", waiting},
                                       {"left_ms", number_json(count(paused->left))},
                                       {"reason", paused->why},
                                       {"operator", paused->by.empty() ? Json(nullptr) : Json(paused->by)},
                                       {"all", paused->all}});
    }
    const auto* skipped = std::get_if<lock::Skipped>(&why);
    if (skipped == nullptr) return nullptr;
    const lock::Condition& condition = conditions[skipped->position];
    const lock::EncodedCondition encoded = encode(condition);
    return with(decision("skipped"), {{"waiting", waiting},
                                      {"condition", encoded.name},
                                      {"name", encoded.key.empty() ? Json(nullptr) : Json(encoded.key)},
                                      {"why", skipped->verdict.why},
                                      {"since_ms", number_json(count(skipped->verdict.since))},
                                      {"due_ms", number_json(count(skipped->verdict.due))},
                                      {"text", explain(condition, skipped->verdict)}});
  }

  Json operator()(const run::report::Granted& granted) const {
    return with(decision("granted"), {{"fence", granted.grant.fence},
                                      {"start", time_json(granted.grant.start)},
                                      {"last_success", time_json(granted.grant.last_success)}});
  }
  Json operator()(const run::report::Refused& refused) const { return refusal(refused.decision, false); }
  Json operator()(const run::report::Waiting& waiting) const { return refusal(waiting.decision, true); }
  Json operator()(const run::report::AskingAgain& again) const {
    return with(with(decision("asking_again"), {{"waiting", true}}), failure_json(again.failure));
  }
  Json operator()(const run::report::NoGrant& no_grant) const {
    return with(decision("failed"), failure_json(no_grant.failure));
  }
  Json operator()(const run::report::SkippedUnreachable& skipped) const {
    return with(decision("unreachable"), failure_json(skipped.failure));
  }
  Json operator()(const run::report::Unleased& unleased) const {
    return with(decision("unleased"), failure_json(unleased.failure));
  }
  Json operator()(const run::report::CalledOff& called_off) const {
    return with(decision("signalled"), {{"signal", called_off.signal}});
  }
  Json operator()(const run::report::NotStarted& failed) const {
    return {{"event", "finished"}, {"exit_code", failed.exit_code}, {"outcome", "not_started"}, {"text", failed.why}};
  }
  Json operator()(const run::report::Started& started) const { return {{"event", "started"}, {"pid", started.pid}}; }
  Json operator()(const run::report::RenewalFailed& /*failed*/) const { return nullptr; }
  Json operator()(const run::report::Renewed& /*renewed*/) const { return {{"event", "renewed"}, {"reasserted", false}}; }
  Json operator()(const run::report::Reasserted& /*reasserted*/) const {
    return {{"event", "renewed"}, {"reasserted", true}};
  }
  Json operator()(const run::report::Stopping& stopping) const {
    using Why = run::report::Stopping::Why;
    if (stopping.why == Why::timeout) return nullptr;  // the outcome in "finished" tells it
    const char* why = stopping.why == Why::not_renewed ? "not_renewed" : stopping.why == Why::revoked ? "revoked" : "taken";
    return {{"event", "lost"}, {"why", why}, {"operator", stopping.by.empty() ? Json(nullptr) : Json(stopping.by)}};
  }
  // Only people need these.
  Json operator()(const run::report::KeeperGone& /*gone*/) const { return nullptr; }
  Json operator()(const run::report::NotPermitted& /*denied*/) const { return nullptr; }
  Json operator()(const run::report::Leftovers& /*leftovers*/) const { return nullptr; }
  Json operator()(const run::report::Ended& ended) const {
    return {{"event", "finished"}, {"exit_code", ended.code}, {"outcome", lock::name_of(ended.outcome)}, {"text", nullptr}};
  }
  static Json recorded(bool done, bool superseded, const Json& text) {
    return {{"event", "recorded"}, {"recorded", done}, {"superseded", superseded}, {"text", text}};
  }
  Json operator()(const run::report::Recorded& /*recorded*/) const { return recorded(true, false, nullptr); }
  Json operator()(const run::report::NotRecorded& failed) const { return recorded(false, false, describe(failed.failure)); }
  Json operator()(const run::report::Superseded& /*superseded*/) const { return recorded(true, true, nullptr); }
};

}  // namespace

RunReport::RunReport(std::optional<int> fd, std::string key, std::string run_id,
                     const std::vector<lock::Condition>& conditions)
    : fd_(fd), key_(std::move(key)), run_id_(std::move(run_id)), conditions_(conditions) {
  if (fd_) fcntl(*fd_, F_SETFD, FD_CLOEXEC);
}

void RunReport::write(const run::Report& report) {
  if (!fd_) return;
  const Json event = std::visit(Writer{conditions_}, report);
  if (!event.is_null()) write_line(event);
}

void RunReport::exit(int code) {
  if (fd_) write_line({{"event", "exit"}, {"exit_code", code}});
}

void RunReport::write_line(const Json& event) {
  using std::chrono::system_clock;
  const auto now = std::chrono::duration_cast<Millis>(system_clock::now().time_since_epoch()).count();
  Json line{{"schema", json_schema}, {"at", time_json(now)}, {"key", key_}, {"run_id", run_id_}};
  line.update(event);
  // If the previous line was not written completely, end it first.
  torn_ = !write_at_once(*fd_, (torn_ ? "\n" : "") + dumped(line, -1));
}

std::optional<util::Problem> take_report_fd(std::string_view text, std::optional<int>& into) {
  const auto fd = util::parse_number<int>(text);
  if (!fd || *fd < 3) {
    return util::Problem{"invalid descriptor '" + util::escape(text) +
                         "': use 3 or higher, since 0 to 2 belong to the command: --report-fd 3 ... 3>file"};
  }
  const int flags = fcntl(*fd, F_GETFD);
  const int mode = fcntl(*fd, F_GETFL);
  // A close-on-exec descriptor cannot come from the caller, so it is one of our own.
  if (flags < 0 || mode < 0 || (flags & FD_CLOEXEC) != 0) {
    return util::Problem{"descriptor " + std::to_string(*fd) + " is not open: write --report-fd " + std::to_string(*fd) +
                         " ... " + std::to_string(*fd) + ">file"};
  }
  if ((mode & O_ACCMODE) == O_RDONLY)
    return util::Problem{"descriptor " + std::to_string(*fd) + " is open for reading only"};
  into = fd;
  return std::nullopt;
}

}  // namespace condolock::cli
