// A step is atomic: if the engine refuses a command in the middle of a script, nothing is changed, and the same request
// counts once when it is repeated.
#include <functional>
#include <memory>

#include "engine/embedded/embedded_engine.hpp"
#include "engine/embedded/memory_store.hpp"
#include "engine/embedded/sqlite_store.hpp"
#include "engine/redis/permissions.hpp"
#include "protocol/protocol.hpp"
#include "support/temporary_directory.hpp"

using namespace condolock;
namespace embedded = condolock::engine::embedded;

namespace {

// A verb, and the steps before it.
struct Step {
  const char* name;
  std::vector<engine::Call> before;
  engine::Call call;
};

lock::Attempt attempt(const std::string& token, std::int64_t slots = 1) {
  lock::Attempt out;
  out.job = {"ns", "K"};
  out.token = token;
  out.who = "1 host";
  out.lease = Millis(60'000);
  out.slots = slots;
  out.history_limit = 2;
  out.needs.starts = 2;
  return out;
}

// The fence and the start of the grant are not known here. No record has a greater fence than this one, so it stands for any
// grant.
const lock::Grant unknown{9'000'000'000'000'000, 1000, {}};

engine::Call acquire(const std::string& token, std::int64_t slots = 1) {
  return lock::acquire_call(attempt(token, slots), {lock::MaxRuns{2, Millis(1)}, lock::NotRunning{"other"}});
}

engine::Call waits(const std::string& token) { return lock::acquire_call(attempt(token), {}, {.patience = Millis(10'000)}); }

engine::Call expire(const std::string& token) {
  lock::Attempt brief = attempt(token);
  brief.lease = Millis(0);
  return lock::acquire_call(brief, {});
}

std::vector<Step> steps() {
  const lock::Job job{"ns", "K"};
  const auto touch = lock::touch_call(attempt("t0"), lock::Outcome::failed, 1);
  const auto pause = lock::pause_call(job, {}, "why");
  lock::Attempt once = attempt("a");
  once.needs.once = "id";
  const auto finish = lock::finish_call(once, unknown, lock::Outcome::success, 0);
  return {
      {"the first grant", {}, acquire("a")},
      {"a grant", {touch}, acquire("a")},
      {"a grant after two that were lost", {expire("x"), acquire("y"), expire("z")}, acquire("a")},
      {"a grant of a slot", {touch}, acquire("a", 3)},
      {"a refusal of a new key",
       {lock::pause_call({"ns", "other"}, {}, "")},
       lock::acquire_call(attempt("a"), {lock::After{"K"}})},
      {"a refusal", {touch, acquire("x")}, waits("a")},
      {"a renewal", {acquire("a")}, lock::renew_call(attempt("a"), unknown)},
      {"a renewal of a lease that was lost", {touch}, lock::renew_call(attempt("a"), unknown)},
      {"a finish", {touch, acquire("a"), waits("w")}, finish},
      {"a finish with a long history",
       {lock::touch_call(attempt("t1"), lock::Outcome::failed, 1), lock::touch_call(attempt("t2"), lock::Outcome::failed, 1),
        acquire("a"), waits("w")},
       finish},
      {"a finish of a slot",
       {acquire("a", 2), acquire("b", 2)},
       lock::finish_call(attempt("a", 2), unknown, lock::Outcome::failed, 1)},
      {"a finish that comes too late",
       {touch, acquire("x"), lock::unlock_call(job, true)},
       lock::finish_call(attempt("a"), {1, 1000, {}}, lock::Outcome::success, 0)},
      {"an abandon", {acquire("a"), waits("w")}, lock::abandon_call(attempt("a"))},
      {"an abandon without a lease", {pause, waits("w")}, lock::abandon_call(attempt("a"))},
      {"a touch of a new key", {}, lock::touch_call(attempt("t"), lock::Outcome::success, 0)},
      {"a touch", {touch}, lock::touch_call(attempt("t"), lock::Outcome::success, 0)},
      {"a pause", {touch}, pause},
      {"a pause of all", {lock::pause_all_call("ns", Millis(1000), "")}, lock::pause_all_call("ns", {}, "why")},
      {"a resume of all", {lock::pause_all_call("ns", {}, "")}, lock::resume_all_call("ns")},
      {"a resume", {pause, waits("w")}, lock::resume_call(job)},
      {"an unlock", {acquire("a")}, lock::unlock_call(job, false)},
      {"an unlock at once", {acquire("a"), waits("w")}, lock::unlock_call(job, true)},
      {"a reset", {touch, pause, waits("w")}, lock::reset_call(job)},
  };
}

engine::Reply ask(engine::Engine& engine, const engine::Call& call) { return engine::ask(engine, call, Millis(5000)); }

// All counts of the record, as text.
std::string counted(engine::Engine& engine) {
  const auto records = lock::decode_records(ask(engine, lock::records_call("ns", {"K"})), 1);
  const lock::Record& record = records.value()[0].value();
  const auto history = lock::decode_history(ask(engine, lock::history_call({"ns", "K"}, 100)), {"ns", "K"});
  return std::to_string(record.runs) + " runs, " + std::to_string(record.failures) + " failures, " +
         std::to_string(record.failures_in_a_row) + " in a row, " + std::to_string(record.skips) + " skips, " +
         std::to_string(record.holders.size()) + " holders, " + std::to_string(history.value().runs.size()) + " rows";
}

struct Trial {
  engine::Engine& engine;
  std::function<void()> clear;
  std::function<void(bool refuse)> refuse;  // true: refuse; false: allow all again
  std::function<std::string()> state;
};

// Whether the refused command was called.
bool is_whole(const Step& step, const Trial& trial) {
  const auto prepare = [&] {
    trial.clear();
    for (const engine::Call& call : step.before) REQUIRE(ask(trial.engine, call).answer.has_value());
  };
  prepare();
  REQUIRE(ask(trial.engine, step.call).answer.has_value());
  const std::string once = counted(trial.engine);
  prepare();
  const std::string before = trial.state();
  trial.refuse(true);
  const bool refused = !ask(trial.engine, step.call).answer.has_value();
  trial.refuse(false);
  if (!refused) return false;
  CHECK(trial.state() == before);
  CHECK(ask(trial.engine, step.call).answer.has_value());
  CHECK(counted(trial.engine) == once);
  return true;
}

// Refuses one write.
class RefusingStore final : public embedded::Store {
 public:
  explicit RefusingStore(embedded::Store& store) : store_(store) {}

  int refused = 0;  // counted from now; 0: none

  void begin() override { store_.begin(); }
  void commit() override { store_.commit(); }
  void rollback() noexcept override { store_.rollback(); }
  const embedded::KeyEntry* entry(std::string_view key) override { return store_.entry(key); }
  void set_entry(std::string_view key, embedded::KeyEntry entry) override { write().set_entry(key, std::move(entry)); }
  void erase(std::string_view key) override { write().erase(key); }
  std::optional<embedded::Item> get(std::string_view key, std::string_view name) override { return store_.get(key, name); }
  void put(std::string_view key, const embedded::Item& item) override { write().put(key, item); }
  void remove(std::string_view key, const embedded::Item& item) override { write().remove(key, item); }
  std::int64_t count(std::string_view key) override { return store_.count(key); }
  std::vector<embedded::Item> range(std::string_view key, const embedded::Range& range) override {
    return store_.range(key, range);
  }
  std::int64_t rank(std::string_view key, double score, std::string_view name) override {
    return store_.rank(key, score, name);
  }
  std::vector<std::string> keys() override { return store_.keys(); }

  std::string state() {
    std::string out;
    for (const std::string& key : store_.keys()) {
      const embedded::KeyEntry entry = *store_.entry(key);
      out += "\n" + key + ":";
      for (const auto& [field, value] : entry.fields) out.append(" ").append(field).append("=").append(value);
      for (const embedded::Item& item : store_.range(key, {})) {
        out += " " + item.name + "=" + std::to_string(item.score) + "," + item.value.value_or("");
      }
    }
    return out;
  }
  void clear() {
    store_.begin();
    for (const std::string& key : store_.keys()) store_.erase(key);
    store_.commit();
  }

 private:
  embedded::Store& write() {
    if (refused > 0 && --refused == 0) throw embedded::StoreError(engine::Fault::write_refused, "disk full");
    return store_;
  }

  embedded::Store& store_;
};

}  // namespace

TEST_CASE_FIXTURE(Protocol, "a command that the server refuses leaves no partial step, and no count is doubled") {
  if (!server.is_redis()) return;  // the next test covers the other engines
  const Trial trial{engine, [&] { server.command({"FLUSHALL"}); }, [](bool) {},
                    [&] {
                      std::string out;
                      for (const char* key : {"job:K", "runs:K", "retired:K", "index", "slots:K", "wake:K", "starts:K",
                                              "once:K", "spare:K", "pause"}) {
                        out += server.command({"DUMP", std::string("{ns}:") + key}) + "\n";
                      }
                      return out;
                    }};
  for (const Step& step : steps()) {
    CAPTURE(step.name);
    int met = 0;
    for (const std::string& command : engine::redis::used_commands()) {
      if (command.starts_with("EVAL") || command == "ROLE" || command == "BLPOP") continue;
      CAPTURE(command);
      Trial refusing = trial;
      refusing.refuse = [&](bool refuse) { server.command({"ACL", "SETUSER", "default", (refuse ? "-" : "+") + command}); };
      met += is_whole(step, refusing) ? 1 : 0;
    }
    CHECK(met >= 3);  // TIME, HMGET, and its writes
  }
}

TEST_CASE_FIXTURE(Protocol, "a write that the store refuses leaves no partial step, and no count is doubled") {
  if (server.is_redis()) return;  // the test above covers Redis
  const support::TemporaryDirectory directory;
  std::unique_ptr<embedded::Store> backing;
  if (std::string(std::getenv("CONDOLOCK_TEST_ENGINE")) == "file") {
    backing = std::make_unique<embedded::SqliteStore>(directory.path() + "/condolock.db");
  } else {
    backing = std::make_unique<embedded::MemoryStore>();
  }
  RefusingStore store(*backing);
  embedded::EmbeddedEngine over_it(store, embedded::EmbeddedEngine::wall_clock);
  for (const Step& step : steps()) {
    CAPTURE(step.name);
    int write = 1;
    for (bool met = true; met; ++write) {
      CAPTURE(write);
      met = is_whole(step, {over_it, [&] { store.clear(); }, [&](bool refuse) { store.refused = refuse ? write : 0; },
                            [&] { return store.state(); }});
    }
    CHECK(write > 2);
  }
}

TEST_CASE_FIXTURE(Protocol, "on a server whose memory is full, renew, finish and abandon work, and no run is granted") {
  if (!server.is_redis()) return;
  const auto full = [&](bool is) { server.command({"CONFIG", "SET", "maxmemory", is ? "1" : "0"}); };
  const auto failure = [&](const engine::Call& call) {
    const engine::Reply reply = ask(call);
    return reply.answer.has_value() ? "" : reply.answer.error().text;
  };
  for (const std::int64_t slots : {1, 2}) {
    server.command({"FLUSHALL"});
    lock::Attempt made = ::attempt("a", slots);
    const lock::Grant mine = as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(made, {})), 0));
    ask(waits("w"));
    full(true);
    CHECK(failure(lock::acquire_call(::attempt("b", slots), {})).find("OOM") != std::string::npos);
    CHECK(failure(lock::touch_call(::attempt("t"), lock::Outcome::success, 0)).find("OOM") != std::string::npos);
    CHECK(ask(lock::renew_call(made, mine)).answer.value() == engine::Values{"renewed"});
    CHECK(ask(lock::finish_call(made, mine, lock::Outcome::success, 0)).answer.value() == engine::Values{"recorded", "0"});
    full(false);
    CHECK(record().runs == 1);
    CHECK(record().holders.empty());
    const lock::Grant next = grant("b");
    full(true);
    CHECK(failure(lock::unlock_call({"ns", "K"}, false)).empty());
    CHECK(ask(lock::abandon_call(attempt("b"))).answer.value() == engine::Values{"abandoned"});
    CHECK(failure(lock::resume_call({"ns", "K"})).empty());
    CHECK(failure(lock::reset_call({"ns", "K"})).empty());
    full(false);
    CHECK(record().holders.empty());
    CHECK(grant("c").fence > next.fence);
    CHECK(server.command({"EXISTS", "{ns}:spare:K"}) == "0");
  }
}
