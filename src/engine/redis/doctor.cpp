#include "engine/redis/doctor.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "engine/ask.hpp"
#include "engine/redis/permissions.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"
#include "util/random.hpp"

namespace condolock::engine::redis {
namespace {

using Level = Finding::Level;
using Words = std::vector<std::string>;

bool mentions(const Failure& failure, std::string_view what) { return failure.text.find(what) != std::string::npos; }

// "7.0.15" -> 7000015. A missing part counts as 0; each part must be below 1000.
std::int64_t version_number(std::string_view text) {
  std::int64_t out = 0;
  for (int part = 0; part < 3; ++part) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    out = out * 1000 + util::parse_number<std::int64_t>(text.substr(0, dot)).value_or(0);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return out;
}

std::int64_t wall_clock() {
  return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string shown_length(std::chrono::microseconds length) {
  if (length >= std::chrono::milliseconds(10)) return util::format_duration(std::chrono::duration_cast<Millis>(length));
  const std::string us = std::to_string(1000 + length.count() % 1000);
  return std::to_string(length.count() / 1000) + "." + us.substr(1, 2) + "ms";
}

// Parses the reply to INFO: lines of name:value.
std::map<std::string, std::string> parse_info(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) out[std::string(line.substr(0, colon))] = line.substr(colon + 1);
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return out;
}

class Examination {
 public:
  Examination(Engine& engine, const Target& target, const Words& keys, Millis patience)
      : engine_(engine), target_(target), keys_(keys), patience_(patience) {}

  std::vector<Finding> run() {
    if (!reach()) return findings_;
    look_at_way();
    look_at_round_trip();
    look_at_clock();
    learn();
    look_at_version();
    look_at_role();
    look_at_persistence();
    look_at_eviction();
    look_at_permissions();
    look_at_sleeping();
    return findings_;
  }

 private:
  Answered<Values> command(Words words) {
    Call call;
    call.args = std::move(words);
    return ask(engine_, std::move(call), patience_).answer;
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
    const auto answer = command({"PING"});
    // A user without the permission for PING may still have all that runs need.
    if (answer || (mentions(answer.error(), "NOPERM") && mentions(answer.error(), "'ping'"))) {
      add(Level::good, "reachable", target_.shown() + " answers");
      return true;
    }
    const Failure& failure = answer.error();
    std::string advice = "start the server, or name another: --url or CONDOLOCK_URL";
    if (failure.fault == Fault::denied) {
      advice = mentions(failure, "NOPERM")
                   ? "allow this user " + std::string(mentions(failure, "'select'") ? "SELECT" : "what is named here")
                   : "give the right user and password: CONDOLOCK_URL, --user, --password-file or CONDOLOCK_PASSWORD";
    } else if (failure.fault == Fault::misconfigured) {
      advice = "name a database that there is";
    }
    add(Level::error, "reachable", failure.text, advice);
    return false;
  }

  void look_at_way() {
    if (!target_.path.empty()) return add(Level::good, "way", "a Unix socket: nobody reads along");
    const bool here = target_.host == "localhost" || target_.host == "::1" || target_.host.starts_with("127.");
    if (here) return add(Level::good, "way", "the machine's own loopback: nobody reads along");
    add(Level::warning, "way", "TCP without TLS: who is on the way can read the password and change what is said",
        "use a tunnel (ssh, stunnel, WireGuard); this version has no TLS of its own");
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
    add(slow ? Level::warning : Level::good, "round trip",
        shown_length(trips[2]) + " in the median of five; a run takes three and waits for no more",
        slow ? "put the server nearer to the machines that run jobs" : "");
  }

  void look_at_clock() {
    const std::int64_t before = wall_clock();
    const auto time = answer_to({"TIME"});
    const std::int64_t after = wall_clock();
    const auto seconds = time && time->size() == 2 ? util::parse_number<std::int64_t>((*time)[0]) : std::nullopt;
    if (!seconds) return add(Level::unknown, "clock", "the server does not tell its time", "allow this user TIME");
    const std::int64_t server = *seconds * 1000 + util::parse_number<std::int64_t>((*time)[1]).value_or(0) / 1000;
    // Count only the difference that the duration of the round trip can't explain.
    const std::int64_t apart = server < before ? before - server : std::max<std::int64_t>(server - after, 0);
    if (apart < 1000) return add(Level::good, "clock", "less than a second from this machine's");
    add(Level::warning, "clock",
        util::format_duration(Millis(apart)) + (server < before ? " behind" : " ahead of") +
            " this machine's: leases and conditions go by the server's alone, but cron starts jobs by this one",
        "set both by NTP, and let --min-time be shorter than a job's period by more than that");
  }

  // Collects what later checks read: INFO, and the replies to ROLE and a read-only script. If the user may not call one, the
  // other may still answer.
  void learn() {
    if (const auto info = answer_to({"INFO"}); info && !info->empty()) info_ = parse_info((*info)[0]);
    Call call;
    call.script = &scripts::list;
    call.keys = keys_;
    call.args = {"-inf", "1"};
    call.ask_role = true;
    Reply reply = ask(engine_, std::move(call), patience_);
    from_primary_ = reply.from_primary;
    if (!reply.answer) script_failure_ = std::move(reply.answer.error());
  }

  // A field of INFO, escaped; empty if INFO does not have it.
  std::string info(const std::string& name) const {
    const auto found = info_.find(name);
    return found == info_.end() ? "" : util::escape(found->second);
  }

  // True if INFO has the field `name`. Otherwise reports `check` as unknown.
  bool is_known(const std::string& check, const std::string& name) {
    if (!info(name).empty()) return true;
    add(Level::unknown, check,
        info_.empty() ? "not known, as this user may not call INFO" : "not known, as INFO does not tell " + name,
        info_.empty() ? "let doctor run as one who may" : "");
    return false;
  }

  void look_at_version() {
    if (!is_known("version", "redis_version")) return;
    const bool valkey = !info("valkey_version").empty();
    const std::string version = info(valkey ? "valkey_version" : "redis_version");
    const std::string name = (valkey ? "Valkey " : "Redis ") + version;
    const bool old = version_number(version) < (valkey ? 7'002'000 : 6'002'000);
    add(old ? Level::error : Level::good, "version", name + (old ? " lacks commands that the scripts need" : ""),
        old ? "use Redis 6.2 or Valkey 7.2, or later" : "");
    if (info("cluster_enabled") == "1") {
      add(Level::warning, "cluster", "this server is one of a Cluster, of which this version knows only the one it is given",
          "name the server that has the slot of the namespace, or one outside of a Cluster");
    }
  }

  void look_at_role() {
    if (info("role").empty() && !from_primary_) {
      return add(Level::unknown, "role", "not known, as this user may call neither INFO nor ROLE", "allow this user ROLE");
    }
    if (info("role").empty() ? from_primary_ == false : info("role") != "master") {
      const std::string primary = info("master_host").empty() ? "" : ": " + info("master_host") + ":" + info("master_port");
      is_replica_ = true;
      return add(Level::error, "role", "a replica, which takes no writes: no run is granted", "name the primary" + primary);
    }
    add(Level::good, "role", "primary");
    const std::string replicas = info("connected_slaves");
    if (replicas.empty()) return;
    if (replicas == "0") {
      return add(Level::good, "replicas", "none: while this server is away no job runs, and what it loses is lost");
    }
    add(Level::good, "replicas",
        replicas + ", which follow with a delay: a failover forgets what they did not have yet, and a job may run twice");
  }

  void look_at_persistence() {
    if (!is_known("persistence", "aof_enabled")) return;
    const auto config = [this](const std::string& name) -> std::optional<std::string> {
      const auto answer = answer_to({"CONFIG", "GET", name});
      return answer && answer->size() == 2 ? std::optional(util::escape((*answer)[1])) : std::nullopt;
    };
    if (info("rdb_last_bgsave_status") == "err" || info("aof_last_write_status") == "err") {
      add(Level::error, "disk", "the server could not write to its disk, and may refuse all writes", "see the server's log");
    }
    if (info("aof_enabled") != "1") {
      const auto save = config("save");
      return add(Level::warning, "persistence",
                 save && save->empty()
                     ? "none: after a restart everything is a first run"
                     : "snapshots alone: a restart forgets what came since the last, and jobs may run again",
                 "set appendonly yes");
    }
    const auto fsync = config("appendfsync");
    if (!fsync) {
      return add(Level::unknown, "persistence",
                 "AOF; how often it is synced is not known, as this user may not call CONFIG GET",
                 "let doctor run as one who may");
    }
    if (*fsync == "always") return add(Level::good, "persistence", "AOF, synced at every write: nothing is lost");
    if (*fsync == "everysec") {
      return add(Level::good, "persistence", "AOF, synced every second: a crash of the machine forgets that much at most");
    }
    add(Level::warning, "persistence", "AOF, synced when the kernel likes: a crash of the machine may forget half a minute",
        "set appendfsync everysec, or always");
  }

  void look_at_eviction() {
    if (!is_known("eviction", "maxmemory_policy")) return;
    const std::string policy = info("maxmemory_policy");
    const bool limited = info("maxmemory") != "0";
    const auto used = util::parse_number<std::int64_t>(info("used_memory"));
    const auto max = util::parse_number<std::int64_t>(info("maxmemory"));
    if (policy == "noeviction" && limited && used && max && *used >= *max) {
      return add(Level::error, "eviction", "none (noeviction), and the memory is full: no run is granted",
                 "raise maxmemory, or remove what else is there");
    }
    if (policy == "noeviction") return add(Level::good, "eviction", "none (noeviction)");
    if (policy.starts_with("volatile-")) {
      return add(limited ? Level::warning : Level::good, "eviction",
                 policy + (limited ? ": records are safe, but the answers that late requests are given again may go"
                                   : ", but there is no maxmemory"),
                 limited ? "set maxmemory-policy noeviction" : "");
    }
    add(limited ? Level::error : Level::warning, "eviction",
        policy + (limited ? ": records and leases can be evicted, and then jobs run twice"
                          : " would evict records and leases; only as there is no maxmemory it does not"),
        "set maxmemory-policy noeviction, or use a server of its own");
  }

  void look_at_permissions() {
    if (script_failure_ && script_failure_->fault == Fault::denied) {
      return add(Level::error, "permissions", "the scripts can't be run: " + script_failure_->text,
                 "see README for what a user needs");
    }
    const auto who = answer_to({"ACL", "WHOAMI"});
    if (!who || who->empty()) {
      return add(Level::unknown, "permissions", "not known, as this user may not call ACL", "let doctor run as one who may");
    }
    const std::string user = (*who)[0];
    std::string missing;
    std::string rights;
    for (const std::string& name : used_commands()) {
      rights += " +";
      for (const char c : name) rights += static_cast<char>(c - 'A' + 'a');  // A to Z only
      const auto sample = sample_of(name, keys_);
      if (!sample) continue;
      Words question{"ACL", "DRYRUN", user};
      question.insert(question.end(), sample->begin(), sample->end());
      const auto answer = command(std::move(question));
      if (!answer) {
        return add(
            Level::unknown, "permissions",
            "not known: user " + util::escape(user) + " gets no answer to ACL DRYRUN; a script that only reads was run",
            "let doctor run as one who may call ACL, on Redis 7.0 or later");
      }
      if (answer->empty() || answer->front() != "OK") missing += (missing.empty() ? "" : " ") + name;
    }
    if (missing.empty()) return add(Level::good, "permissions", "user " + util::escape(user) + " has all that are needed");
    add(Level::error, "permissions", "user " + util::escape(user) + " lacks: " + missing,
        "ACL SETUSER " + util::escape(user) + " ~" + pattern() + " +auth +select" + rights);
  }

  // The pattern of the namespace's keys: "{ns}:*"
  std::string pattern() const { return keys_[0].substr(0, keys_[0].find('}') + 1) + ":*"; }

  void look_at_sleeping() {
    const auto answer =
        command({"BLPOP", keys_[0].substr(0, keys_[0].find('}') + 1) + ":wake:" + util::random_token(), "0.001"});
    if (answer) return add(Level::good, "waiting", "BLPOP is allowed: run --wait is woken");
    const Failure& failure = answer.error();
    if (failure.fault == Fault::not_primary && is_replica_) return;  // look_at_role() has reported it
    if (failure.fault == Fault::write_refused || failure.fault == Fault::not_primary) {
      return add(Level::error, "writes", "the server refuses them, so no run is granted: " + failure.text,
                 "see the server's log and its settings of that name");
    }
    add(Level::warning, "waiting", "run --wait can't sleep here: " + failure.text,
        failure.fault == Fault::denied ? "allow this user BLPOP" : "");
  }

  Engine& engine_;
  const Target& target_;
  const Words& keys_;
  Millis patience_;
  std::map<std::string, std::string> info_;
  std::optional<bool> from_primary_;
  bool is_replica_ = false;
  std::optional<Failure> script_failure_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> examine(Engine& engine, const Target& target, const std::vector<std::string>& keys, Millis patience) {
  return Examination(engine, target, keys, patience).run();
}

}  // namespace condolock::engine::redis
