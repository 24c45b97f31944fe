#include "engine/redis/doctor.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/ask.hpp"
#include "engine/redis/advice.hpp"
#include "engine/redis/permissions.hpp"
#include "engine/redis/redis_engine.hpp"
#include "engine/redis/server_info.hpp"
#include "engine/redis/storage_checks.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"
#include "util/random.hpp"

namespace condolock::engine::redis {
namespace {

using Level = Finding::Level;
using Words = std::vector<std::string>;

// The time limit for all checks is this many times the limit for one exchange.
constexpr int max_exchanges = 3;

bool mentions(const Failure& failure, std::string_view what) { return failure.text.find(what) != std::string::npos; }

bool is_no_answer(Fault fault) { return fault == Fault::unreachable || fault == Fault::not_ready; }

std::int64_t wall_clock() {
  return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string shown_length(std::chrono::microseconds length) {
  if (length >= std::chrono::milliseconds(10)) return util::format_duration(std::chrono::duration_cast<Millis>(length));
  const std::string us = std::to_string(1000 + length.count() % 1000);
  return std::to_string(length.count() / 1000) + "." + us.substr(1, 2) + "ms";
}

class Examination {
 public:
  Examination(Engine& engine, const Target& target, const Subject& subject, Millis patience)
      : engine_(engine),
        target_(target),
        keys_(subject.keys),
        trial_(subject.trial),
        patience_(patience),
        until_(BootClock::now() + patience * max_exchanges) {}

  Diagnosis run() {
    if (!reach() || !is_server()) return diagnosis_;
    using Look = void (Examination::*)();
    constexpr std::array<Look, 11> looks{&Examination::look_at_transport,
                                         &Examination::look_at_round_trip,
                                         &Examination::look_at_version,
                                         &Examination::look_at_role,
                                         &Examination::try_run,
                                         &Examination::look_at_clock,
                                         &Examination::look_at_persistence,
                                         &Examination::look_at_eviction,
                                         &Examination::look_at_permissions,
                                         &Examination::look_at_sleeping,
                                         &Examination::look_at_sentinels};
    for (const Look look : looks) {
      const std::size_t before = findings_.size();
      silent_ = hurried_ = false;
      (this->*look)();
      if (hurried_) findings_.resize(before);
      if (!hurried_ && BootClock::now() < until_) continue;
      add(Level::unknown, "time",
          "not everything could be checked within " + util::format_duration(patience_ * max_exchanges),
          "raise --redis-timeout");
      break;
    }
    return diagnosis_;
  }

 private:
  Reply ask(Call call) {
    const auto left = std::chrono::duration_cast<Millis>(until_ - BootClock::now());
    const Millis allowed = std::max(Millis(1), std::min(patience_, left / 2));  // engine::ask may ask twice
    Reply reply = engine::ask(engine_, std::move(call), allowed);
    if (!reply.answer && is_no_answer(reply.answer.error().fault)) {
      if (!silent_) hurried_ = allowed < patience_;
      silent_ = true;
    }
    return reply;
  }

  Answered<Values> command(Words words) {
    Call call;
    call.args = std::move(words);
    return ask(std::move(call)).answer;
  }

  std::optional<Values> answer_to(Words words) {
    auto answer = command(std::move(words));
    if (answer) return *std::move(answer);
    return std::nullopt;
  }

  void add(Level level, std::string check, std::string found, std::string advice = "") {
    findings_.push_back({level, std::move(check), std::move(found), std::move(advice)});
  }

  bool reach() {
    // In a Cluster a command without a key would examine any node. This one, which all runs need, goes to the one that
    // counts.
    const bool is_cluster = target_.topology == Topology::cluster;
    const auto answer = command(is_cluster ? Words{"EVAL", "return 1", "1", keys_[0]} : Words{"PING"});
    // A user without the permission for PING may still have all that runs need. A server that refuses writes may refuse
    // PING.
    if (answer || (mentions(answer.error(), "NOPERM") && mentions(answer.error(), "'ping'")) ||
        answer.error().fault == Fault::write_refused) {
      add(Level::good, "reachable", target_.shown() + " answers");
      return true;
    }
    add(Level::error, "reachable", answer.error().text, advice_for(answer.error()));
    return false;
  }

  // Asks for INFO, which later checks read. False: the server keeps no records.
  bool is_server() {
    if (const auto info = answer_to({"INFO"}); info && !info->empty()) info_ = ServerInfo((*info)[0]);
    if (!info_.version().empty()) {
      diagnosis_.product = info_.is_valkey() ? "Valkey" : "Redis";
      diagnosis_.version = info_.version();
    }
    if (!info_.is_sentinel()) return true;
    diagnosis_.role = "sentinel";
    const std::string primary = info_.watched_primary();
    add(Level::error, "role", "this is a Sentinel, which stores no records: runs cannot start",
        "write redis+sentinel:// and the name of a primary that it watches" + (primary.empty() ? "" : ": " + primary));
    return false;
  }

  void look_at_transport() {
    if (target_.tls && target_.tls->insecure) {
      return add(Level::warning, "transport", "TLS, but the server's certificate is not checked: anybody may answer",
                 "name the authority with --tls-cacert instead of --tls-insecure");
    }
    if (target_.tls) return add(Level::good, "transport", "TLS, and the server's certificate is checked");
    if (!target_.path.empty()) return add(Level::good, "transport", "Unix socket: not on the network");
    const auto is_here = [](const Endpoint& server) {
      return server.host == "localhost" || server.host == "::1" || server.host.starts_with("127.");
    };
    const bool single = target_.topology == Topology::single;
    if (single ? is_here(target_) : std::all_of(target_.others.begin(), target_.others.end(), is_here))
      return add(Level::good, "transport", "loopback: not on the network");
    add(Level::warning, "transport", "TCP without TLS: anyone on the network path can read the password and change the data",
        "use rediss:// with the TLS port of the server, or a tunnel (ssh, stunnel, WireGuard)");
  }

  void look_at_round_trip() {
    using std::chrono::microseconds;
    std::array<microseconds, 5> trips{};
    for (microseconds& trip : trips) {
      const auto before = std::chrono::steady_clock::now();
      static_cast<void>(command({"PING"}));  // only the time counts, not the reply
      trip = std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - before);
    }
    std::sort(trips.begin(), trips.end());
    const bool slow = trips[2] > std::chrono::milliseconds(100);
    add(slow ? Level::warning : Level::good, "round trip", shown_length(trips[2]) + " (median of five); a run needs three",
        slow ? "move the server closer to the machines that run jobs" : "");
  }

  void look_at_clock() {
    const std::int64_t before = wall_clock();
    const auto time = answer_to({"TIME"});
    const std::int64_t after = wall_clock();
    const auto seconds = time && time->size() == 2 ? util::parse_number<std::int64_t>((*time)[0]) : std::nullopt;
    if (!seconds)
      return add(Level::unknown, "clock", "the server does not report its time", "allow this user the command TIME");
    const std::int64_t server = *seconds * 1000 + util::parse_number<std::int64_t>((*time)[1]).value_or(0) / 1000;
    // Count only the difference that the duration of the round trip can't explain.
    const std::int64_t apart = server < before ? before - server : std::max<std::int64_t>(server - after, 0);
    if (apart < 1000) return add(Level::good, "clock", "less than a second apart from this machine's");
    add(Level::warning, "clock",
        util::format_duration(Millis(apart)) + (server < before ? " behind" : " ahead of") +
            " this machine's; leases and conditions use the server's clock, but cron uses this machine's",
        "synchronize both with NTP; set --min-time below a job's period by more than this difference");
  }

  // True if INFO has the field `name`. Otherwise reports `check` as unknown.
  bool is_known(const std::string& check, const std::string& name) {
    if (!info_[name].empty()) return true;
    findings_.push_back(not_in_info(check, name, info_));
    return false;
  }

  void look_at_version() {
    if (!is_known("version", "redis_version")) return;
    const bool old = info_.is_too_old();
    add(old ? Level::error : Level::good, "version",
        diagnosis_.product + " " + info_.version() + (old ? " lacks commands that the scripts need" : ""),
        old ? "use Redis 6.2 or Valkey 7.2, or later" : "");
    if (info_["cluster_enabled"] == "1" && target_.topology != Topology::cluster) {
      add(Level::warning, "cluster", "this server belongs to a Cluster: another node may take over its keys at any time",
          "write redis+cluster:// in the URL, with several nodes");
    }
  }

  // Each Sentinel must know the way to the primary: the others may be down when it counts.
  void look_at_sentinels() {
    if (target_.topology != Topology::sentinel) return;
    std::string failures;
    std::size_t failed = 0;
    for (const Endpoint& sentinel : target_.others) {
      Target alone = target_;
      alone.others = {sentinel};
      RedisEngine engine(alone);
      Call call;
      call.args = {"PING"};
      call.not_ready_is_final = true;
      const auto left = std::chrono::duration_cast<Millis>(until_ - BootClock::now());
      const auto answer = engine::ask(engine, std::move(call), std::max(Millis(1), std::min(patience_, left) / 4)).answer;
      if (answer || (answer.error().fault == Fault::denied && mentions(answer.error(), "'ping'"))) continue;
      ++failed;
      failures += (failures.empty() ? "" : "; ") + answer.error().text;
    }
    const std::string number = std::to_string(target_.others.size());
    if (failed > 0) {
      return add(Level::warning, "sentinels",
                 std::to_string(failed) + " of " + number + " do not lead to the primary: " + failures,
                 "start them, or name others in the URL");
    }
    add(target_.others.size() < 3 ? Level::warning : Level::good, "sentinels", number + " lead to the primary",
        target_.others.size() < 3 ? "name at least three, so that one may fail" : "");
  }

  void look_at_role() {
    Call call;
    call.args = {"PING"};
    call.ask_role = true;
    const Reply reply = ask(std::move(call));
    const bool from_role = info_["role"].empty();
    if (from_role && !reply.from_primary) {
      return add(Level::unknown, "role", "unknown, since this user may call neither INFO nor ROLE",
                 "allow this user the command ROLE");
    }
    const bool is_primary = from_role ? *reply.from_primary : info_["role"] == "master";
    diagnosis_.role = is_primary ? "primary" : "replica";
    if (!is_primary) {
      const std::string primary =
          info_["master_host"].empty() ? "" : ": " + info_["master_host"] + ":" + info_["master_port"];
      return add(Level::error, "role", "this is a replica, which is read-only: runs cannot start",
                 "use the URL of the primary" + primary);
    }
    add(Level::good, "role", "primary");
    if (!info_["connected_slaves"].empty()) findings_.push_back(replicas(info_));
  }

  // The only check that shows whether a run works. The others say why not, and what else is at risk.
  void try_run() {
    const auto failure = trial_([this](Call call) { return ask(std::move(call)); });
    diagnosis_.can_run = !failure;
    if (!failure) return add(Level::good, "trial run", "acquired, renewed, recorded and deleted again");
    add(Level::error, "trial run", failure->step + " failed: " + failure->failure.text, advice_for(failure->failure));
  }

  void look_at_persistence() {
    if (!is_known("persistence", "aof_enabled")) return;
    if (const auto disk = disk_error(info_)) findings_.push_back(*disk);
    const auto setting = [this](const char* name) -> std::optional<std::string> {
      const auto answer = answer_to({"CONFIG", "GET", name});
      return answer && answer->size() == 2 ? std::optional(util::escape((*answer)[1])) : std::nullopt;
    };
    findings_.push_back(info_["aof_enabled"] == "1" ? append_only_file(setting("appendfsync")) : snapshots(setting("save")));
  }

  void look_at_eviction() {
    if (is_known("eviction", "maxmemory_policy")) findings_.push_back(eviction(info_));
  }

  void look_at_permissions() {
    const std::string name = target_.user.empty() ? "default" : target_.user;
    const Missing missing = missing_rights([this](Call call) { return ask(std::move(call)); }, name, keys_, scratch_key_);
    const std::string user = util::escape(name);
    if (missing.commands.empty() && !missing.keys)
      return add(Level::good, "permissions", "user " + user + " has all it needs");
    std::string lacks = missing.keys ? "the keys " + pattern() : "";
    if (!missing.commands.empty()) lacks += (lacks.empty() ? "" : ", and ") + missing.commands;
    const std::string keys = missing.takes_pattern ? " ~" + pattern() : "";
    add(Level::error, "permissions", "user " + user + " lacks: " + lacks, "ACL SETUSER " + user + keys + needed_rights());
  }

  // The pattern of the namespace's keys: "{ns}:*"
  std::string pattern() const { return keys_[0].substr(0, keys_[0].find('}') + 1) + ":*"; }

  void look_at_sleeping() {
    if (!diagnosis_.can_run) return;
    const auto answer = command({"BLPOP", scratch_key_, "0.001"});
    if (answer) return add(Level::good, "waiting", "BLPOP works, so run --wait is woken at once");
    add(Level::error, "waiting", "run --wait cannot sleep: " + answer.error().text, advice_for(answer.error()));
  }

  Engine& engine_;
  const Target& target_;
  const Words& keys_;
  const Trial& trial_;
  const Millis patience_;
  const Instant until_;
  ServerInfo info_;
  const std::string scratch_key_ = pattern().substr(0, pattern().size() - 1) + "doctor:" + util::random_token();
  bool silent_ = false;   // this check got no answer to a request
  bool hurried_ = false;  // and the first such request had less time than a run gives it, so it proves nothing
  Diagnosis diagnosis_;
  std::vector<Finding>& findings_ = diagnosis_.findings;
};

}  // namespace

Diagnosis examine(Engine& engine, const Target& target, const Subject& subject, Millis patience) {
  return Examination(engine, target, subject, patience).run();
}

}  // namespace condolock::engine::redis
