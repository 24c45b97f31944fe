#include "engine/embedded/embedded_engine.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "engine/removal.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::engine::embedded {
namespace {

// How often a waiter looks for a wake-up; a look reads two pages. A commit rings (SharedFiles), so the first period matters
// only if a process was killed between commit and ring. The second applies if the system has no descriptor left for the
// doorbell.
constexpr Millis look_every(100);
constexpr Millis look_every_without_ring(10);

// How long a new run waits for a waiter that has been woken to go first. Redis serves the waiter in the same step.
constexpr Millis courtesy(100);
constexpr std::size_t wake_key = 5;  // in the keys of acquire.lua

bool is_one_of(const scripts::Script& script, std::initializer_list<const scripts::Script*> some) {
  return std::find(some.begin(), some.end(), &script) != some.end();
}

// Calls before and during a command: a long wait for the disk would delay the start or endanger the lease.
bool is_urgent(const scripts::Script& script) {
  return is_one_of(script, {&scripts::acquire, &scripts::renew, &scripts::abandon});
}

// A refused acquire starts no command, so it has time to shorten the log. If every call is a refusal, nobody else does.
bool is_refusal(const scripts::Script& script, const Values& values) {
  return &script == &scripts::acquire && values.front() != "granted";
}

// Whether the call's writes must survive a power failure. With Sync::records, leases need not: their commands end with the
// machine. Scripts that only read have no writes.
bool outlives_power(Sync sync, const scripts::Script& script) {
  if (sync != Sync::records) return sync == Sync::all;
  return !is_urgent(script) && !is_one_of(script, {&scripts::status, &scripts::list, &scripts::history});
}

// Converts a script's reply, a flat array, to texts; integers become decimal. Empty for any other reply.
std::optional<Values> flat(const Value& value) {
  if (value.kind != Value::Kind::array || value.items.empty()) return std::nullopt;
  Values out;
  for (const Value& item : value.items) {
    if (item.kind == Value::Kind::nil || item.kind == Value::Kind::array) return std::nullopt;
    out.push_back(item.kind == Value::Kind::integer ? std::to_string(item.number) : item.text);
  }
  return out;
}

}  // namespace

std::int64_t EmbeddedEngine::wall_clock() {
  using std::chrono::microseconds;
  return std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

EmbeddedEngine::EmbeddedEngine(DatabaseLocation location)
    : location_(std::move(location)), clock_(wall_clock), jitter_(util::random_seed()) {}

EmbeddedEngine::EmbeddedEngine(Store& store, std::function<std::int64_t()> clock)
    : clock_(std::move(clock)), store_(&store), jitter_(util::random_seed()) {}

void EmbeddedEngine::start(Call call, Instant now) {
  call_ = std::move(call);
  busy_ = true;
  next_try_ = now;
  first_try_ = now;
  asleep_until_ = call_.wait ? now + call_.wait->at_most : now;
  sent_ = now;
  last_error_.clear();
  last_fault_ = Fault::unreachable;
}

void EmbeddedEngine::cancel() {
  end_call();
  reply_.reset();
}

Interest EmbeddedEngine::interest() const {
  if (!busy_) return {};
  const int bell = call_.wait && file_ ? file_->files().doorbell() : -1;
  return {bell, POLLIN, std::min(next_try_, call_.deadline)};
}

std::optional<Reply> EmbeddedEngine::advance(short revents, Instant now) {
  if (!busy_) return std::nullopt;
  if ((revents & POLLIN) != 0 && file_) {
    file_->files().hush();
    next_try_ = now;
  }
  if (now < next_try_ && now < call_.deadline) return std::nullopt;
  committing_ = false;
  try {
    open(now);
    if (is_asleep(now)) {
      sleep(now);
    } else if (gives_way(now)) {
      next_try_ = now + jitter_.between(Millis(1), Millis(3));
    } else {
      run(now);
    }
  } catch (const StoreError& error) {
    if (store_ != nullptr) store_->rollback();
    last_error_ = error.what();
    last_fault_ = error.fault;
    // A commit that failed may still have reached the disk: see Failure::may_have_run.
    if (!error.busy) fail({error.fault, committing_, false, last_error_});
    next_try_ = now + jitter_.between(Millis(1), Millis(3));
  } catch (...) {
    if (store_ != nullptr) store_->rollback();
    throw;
  }
  if (!reply_ && now >= call_.deadline) {
    fail({last_fault_, false, false, last_error_.empty() ? "not woken in time" : last_error_});
  }
  if (reply_) end_call();
  return std::exchange(reply_, std::nullopt);
}

void EmbeddedEngine::open(Instant now) {
  if (!host_) host_.emplace();
  // Time asleep does not count: the attempt after it has as much time as a call without a sleep.
  const Instant deadline = call_.deadline - std::max(asleep_until_ - now, Instant::duration::zero());
  if (store_ == nullptr) {
    file_ = std::make_unique<SqliteStore>(location_->directory, deadline);
    store_ = file_.get();
  }
  if (!file_) return;
  file_->set_deadline(deadline);
  file_->set_sync(outlives_power(location_->sync, *call_.script));
  if (!call_.wait) return;
  file_->files().hang_doorbell();  // before the first look, so that no ring is missed
  file_->files().set_waiting(call_.wait->key, true);
}

void EmbeddedEngine::end_call() {
  if (busy_ && call_.wait && file_) file_->files().set_waiting(call_.wait->key, false);
  busy_ = false;
}

void EmbeddedEngine::sleep(Instant now) {
  const bool has_bell = file_ && file_->files().doorbell() >= 0;
  next_try_ = std::min(now + (has_bell ? look_every : look_every_without_ring), asleep_until_);
}

// Takes the write lock, then checks that the files are still those that other processes use. If not, the lease must be in
// the new ones.
void EmbeddedEngine::begin(Instant now) {
  store_->begin();
  if (!file_ || !file_->files().have_changed()) return;
  store_ = nullptr;
  file_.reset();
  open(now);
  store_->begin();
}

// Whether the wake list is still empty.
bool EmbeddedEngine::is_asleep(Instant now) {
  if (!call_.wait || now >= asleep_until_ || (file_ && file_->files().have_changed())) return false;
  return !has_wake_up(call_.wait->key);
}

// Whether this call must give way: it is a new run, and a waiter has not taken its wake-up yet.
bool EmbeddedEngine::gives_way(Instant now) {
  if (!file_ || call_.script != &scripts::acquire || call_.wait || now >= first_try_ + courtesy) return false;
  const std::string& key = call_.keys.at(wake_key);
  return has_wake_up(key) && file_->files().has_waiter(key);
}

// Reads without a transaction, so it blocks nobody.
bool EmbeddedEngine::has_wake_up(const std::string& key) {
  const KeyEntry* list = store_->entry(key);
  return list != nullptr && (!list->expires || *list->expires > clock_() / 1000);
}

// Takes the wake-up in the same transaction as the script, so that a failed call does not consume it.
void EmbeddedEngine::run(Instant now) {
  sent_ = now;
  begin(now);
  if (call_.wait) {
    const Value taken = run_command(*store_, clock_(), {"LPOP", call_.wait->key});
    if (taken.kind == Value::Kind::error) {
      store_->rollback();
      return fail(
          {Fault::malformed, false, false,
           "the record " + util::escape(call_.wait->key) + " is malformed: " + taken.text + how_to_remove(call_.wait->key)});
    }
    if (taken.kind == Value::Kind::nil && now < asleep_until_) {  // another waiter took the wake-up
      store_->rollback();
      return sleep(now);
    }
  }
  const Value value = host_->run(*call_.script, call_.keys, call_.args, *store_, clock_());
  // Redis keeps what a script wrote before it failed. This engine rolls it back.
  if (value.kind == Value::Kind::error) {
    store_->rollback();
    const Fault fault = value.text.starts_with("WRONGTYPE") ? Fault::malformed : Fault::unexpected;
    return fail({fault, false, false, util::escape(value.text)});
  }
  committing_ = true;
  store_->commit();
  committing_ = false;
  if (auto values = flat(value)) {
    if (file_) file_->shorten_log(is_urgent(*call_.script) && !is_refusal(*call_.script, *values));
    reply_ = Reply{sent_, *std::move(values), true};
  } else {
    fail({Fault::unexpected, true, false, "the script returned a nested reply"});
  }
}

}  // namespace condolock::engine::embedded
