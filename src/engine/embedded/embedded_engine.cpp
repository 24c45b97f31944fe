#include "engine/embedded/embedded_engine.hpp"

#include <algorithm>
#include <chrono>

#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::embedded {
namespace {

// How often a sleeper looks whether it was woken. Nothing wakes a process when another writes to a file that both have open,
// and this costs a read of two pages.
constexpr Millis look_every(10);

// A grant that is lost with the machine is worth nothing any more, since what it was for is gone too.
bool outlives_power(Sync sync, const Script& script) {
  if (sync != Sync::records) return sync == Sync::all;
  const auto names = {&scripts::acquire, &scripts::renew, &scripts::abandon};
  return std::none_of(names.begin(), names.end(), [&](const Script* each) { return each == &script; });
}

// A script's array is flat; integers become decimal text.
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

EmbeddedEngine::EmbeddedEngine(Place place) : place_(std::move(place)), clock_(wall_clock), jitter_(random_seed()) {}

EmbeddedEngine::EmbeddedEngine(Store& store, std::function<std::int64_t()> clock)
    : clock_(std::move(clock)), store_(&store), jitter_(random_seed()) {}

void EmbeddedEngine::start(Call call, Instant now) {
  call_ = std::move(call);
  busy_ = true;
  next_try_ = now;
  asleep_until_ = call_.wait ? now + call_.wait->at_most : now;
  sent_ = now;
  last_said_.clear();
}

void EmbeddedEngine::cancel() {
  busy_ = false;
  reply_.reset();
}

Interest EmbeddedEngine::interest() const {
  if (!busy_) return {};
  return {-1, 0, std::min(next_try_, call_.deadline)};
}

std::optional<Reply> EmbeddedEngine::advance(short /*revents*/, Instant now) {
  if (!busy_ || (now < next_try_ && now < call_.deadline)) return std::nullopt;
  try {
    open();
    if (is_awake(now)) run(now);
  } catch (const StoreError& error) {
    if (store_ != nullptr) store_->rollback();
    last_said_ = error.what();
    if (!error.busy) fail({error.fault, false, false, last_said_});
    next_try_ = now + jitter_.between(Millis(1), Millis(3));
  }
  if (!reply_ && now >= call_.deadline) {
    fail({Fault::unreachable, false, false, last_said_.empty() ? "nobody woke it in time" : last_said_});
  }
  if (reply_) busy_ = false;
  return std::exchange(reply_, std::nullopt);
}

void EmbeddedEngine::open() {
  if (!host_) host_.emplace();
  if (store_ != nullptr) return;
  if (auto problem = make_directory(*place_)) throw StoreError(Fault::denied, *problem);
  file_ = std::make_unique<SqliteStore>(place_->file());
  store_ = file_.get();
}

// Whether the time for sleeping is over: somebody has pushed to the list, of which one element is taken.
bool EmbeddedEngine::is_awake(Instant now) {
  if (!call_.wait) return true;
  if (now < asleep_until_ && !store_->head(call_.wait->key)) {
    next_try_ = std::min(now + look_every, asleep_until_);
    return false;
  }
  store_->begin();
  const Value taken = run_command(*store_, clock_(), {"LPOP", call_.wait->key});
  store_->commit();
  if (taken.kind == Value::Kind::error) {
    fail({taken.text.starts_with("WRONGTYPE") ? Fault::malformed : Fault::unexpected, false, false, taken.text});
    return false;
  }
  if (taken.kind == Value::Kind::nil && now < asleep_until_) {
    next_try_ = std::min(now + look_every, asleep_until_);
    return false;
  }
  call_.wait.reset();
  return true;
}

void EmbeddedEngine::run(Instant now) {
  sent_ = now;
  if (file_) file_->set_sync(outlives_power(place_->sync, *call_.script));
  store_->begin();
  const Value value = host_->run(*call_.script, call_.keys, call_.args, *store_, clock_());
  // A server keeps what a script wrote before it failed; here nothing of it happens.
  if (value.kind == Value::Kind::error) {
    store_->rollback();
    return fail(
        {value.text.starts_with("WRONGTYPE") ? Fault::malformed : Fault::unexpected, false, false, escape(value.text)});
  }
  store_->commit();
  if (auto values = flat(value)) {
    reply_ = Reply{sent_, *std::move(values), true};
  } else {
    fail({Fault::unexpected, true, false, "the script answered with something that is not flat"});
  }
}

}  // namespace condolock::embedded
