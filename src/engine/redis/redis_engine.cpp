#include "engine/redis/redis_engine.hpp"

#include <poll.h>

#include <algorithm>
#include <system_error>

#include "util/duration.hpp"

namespace condolock::redis {
namespace {

// At least a millisecond: 0 would be for ever.
std::string format_seconds(Millis length) {
  const std::int64_t ms = std::max<std::int64_t>(length.count(), 1);
  const std::string fraction = std::to_string(1000 + ms % 1000);
  return std::to_string(ms / 1000) + "." + fraction.substr(1);
}

std::string format_script(const Call& call, std::string_view verb, std::string_view script) {
  const std::string keys = std::to_string(call.keys.size());
  std::vector<std::string_view> command{verb, script, keys};
  command.insert(command.end(), call.keys.begin(), call.keys.end());
  command.insert(command.end(), call.args.begin(), call.args.end());
  return format_command(command);
}

}  // namespace

RedisEngine::RedisEngine(Target target)
    : target_(std::move(target)), addresses_(literal_addresses(target_)), jitter_(random_seed()) {}

// ---- the engine's verbs

void RedisEngine::start(Call call, Instant now) {
  call_ = std::move(call);
  started_ = now;
  looked_up_ = false;
  script_sent_ = false;
  last_said_.clear();
  from_primary_.reset();
  const bool usable = socket_ && (!tainted_ || call_.same_session) && socket_->is_quiet();
  if (usable) {
    exchange(false, now);
  } else if (call_.same_session) {
    fail({Fault::unreachable, false, false, "the connection to " + target_.shown() + " is gone"});
  } else {
    connect(now);
  }
}

void RedisEngine::cancel() {
  if (phase_ != Phase::idle) socket_.reset();
  lookup_.reset();
  reply_.reset();
  phase_ = Phase::idle;
}

Interest RedisEngine::interest() const {
  if (reply_) return {-1, 0, started_};
  switch (phase_) {
    case Phase::idle:
      return {};
    case Phase::looking_up:
      return {lookup_->fd(), POLLIN, deadline()};
    case Phase::connecting:
      return {socket_->fd(), POLLOUT, step_until_};
    case Phase::exchanging:
      return {socket_->fd(), static_cast<short>(socket_->has_unsent() ? POLLIN | POLLOUT : POLLIN), deadline()};
    case Phase::pausing:
      return {-1, 0, step_until_};
  }
  return {};
}

std::optional<Reply> RedisEngine::advance(short revents, Instant now) {
  switch (phase_) {
    case Phase::idle:
      break;
    case Phase::looking_up:
      if (revents != 0) on_lookup(now);
      break;
    case Phase::connecting:
      on_connecting(revents, now);
      break;
    case Phase::exchanging:
      on_exchange(revents, now);
      break;
    case Phase::pausing:
      if (now >= step_until_) connect(now);
      break;
  }
  if (phase_ != Phase::idle && now >= deadline()) on_deadline(now);
  return std::exchange(reply_, std::nullopt);
}

// ---- steps of a call

void RedisEngine::connect(Instant now) {
  socket_.reset();
  tainted_ = false;
  next_address_ = 0;
  if (addresses_.empty()) {
    look_up();
  } else {
    open_next(now);
  }
}

void RedisEngine::look_up() {
  looked_up_ = true;
  try {
    lookup_ = std::make_unique<Lookup>(target_);
    phase_ = Phase::looking_up;
  } catch (const std::system_error& error) {
    // No process or descriptor to be had, perhaps by the very job that we guard: it will pass, or the lease's deadline will.
    fail({Fault::unreachable, false, false, "cannot look up the host " + target_.host + ": " + error.what()});
  }
}

void RedisEngine::open_next(Instant now) {
  phase_ = Phase::connecting;
  const Address& address = addresses_[next_address_++];
  // An address that does not answer must leave time for those behind it.
  const auto left = static_cast<std::int64_t>(addresses_.size() - next_address_ + 1);
  step_until_ = now + (deadline() - now) / left;
  socket_.emplace(address);
  if (!socket_->error().empty()) disconnect(socket_->error(), now);
}

void RedisEngine::exchange(bool opening, Instant now) {
  std::string bytes;
  opening_error_.reset();
  awaited_.clear();
  if (opening && (!target_.password.empty() || !target_.user.empty())) {  // a user may be one without password
    bytes += target_.user.empty() ? format_command({"AUTH", target_.password})
                                  : format_command({"AUTH", target_.user, target_.password});
    awaited_.push_back(Step::auth);
  }
  if (opening && target_.database != 0) {
    bytes += format_command({"SELECT", std::to_string(target_.database)});
    awaited_.push_back(Step::select);
  }
  if (call_.ask_role) {
    bytes += format_command({"ROLE"});
    awaited_.push_back(Step::role);
  }
  std::string seconds;
  if (call_.wait) {
    seconds = format_seconds(call_.wait->at_most);
    bytes += format_command({"BLPOP", call_.wait->key, seconds});
    awaited_.push_back(Step::wake);
  }
  socket_->begin_exchange();
  phase_ = Phase::exchanging;
  awaited_.push_back(Step::script);
  script_sent_ = true;
  sent_ = now;
  socket_->send(bytes + (call_.script == nullptr ? format_command({call_.args.begin(), call_.args.end()})
                                                 : format_script(call_, "EVALSHA", call_.script->sha1)));
}

void RedisEngine::send_source(Instant now) {
  awaited_.push_back(Step::script);
  sent_ = now;
  socket_->send(format_script(call_, "EVAL", call_.script->source));
}

// The server is not ready, and has done nothing yet.
void RedisEngine::pause(const ErrorReply& error, Instant now) {
  socket_.reset();
  script_sent_ = false;
  last_said_ = error.text;
  phase_ = Phase::pausing;
  step_until_ = std::min(now + jitter_.between(Millis(50), Millis(150)), deadline());
}

// ---- what happened

void RedisEngine::on_lookup(Instant now) {
  auto found = lookup_->result();
  if (!found) return;
  lookup_.reset();
  if (*found) {
    addresses_ = **found;
    next_address_ = 0;
    open_next(now);
  } else {
    fail({Fault::unreachable, false, false, "cannot find the host " + target_.host + ": " + found->problem()});
  }
}

void RedisEngine::on_connecting(short revents, Instant now) {
  if (revents != 0) {
    if (socket_->finish_connecting()) {
      exchange(true, now);
    } else {
      disconnect(socket_->error(), now);
    }
  } else if (now >= step_until_ && now < deadline()) {
    disconnect("no answer", now);
  }
}

void RedisEngine::on_exchange(short revents, Instant now) {
  if ((revents & POLLOUT) != 0) socket_->flush();
  if ((revents & ~POLLOUT) != 0) socket_->receive();
  while (phase_ == Phase::exchanging && !awaited_.empty()) {
    const auto reply = socket_->next_reply();
    if (!reply) break;
    const Step step = awaited_.front();
    awaited_.pop_front();
    on_reply(step, *reply, now);
  }
  if (phase_ == Phase::exchanging && !socket_->error().empty()) disconnect(socket_->error(), now);
}

void RedisEngine::on_reply(Step step, const RespValue& reply, Instant now) {
  const bool error = reply.kind == RespValue::Kind::error;
  switch (step) {
    case Step::auth:
    case Step::select:
      if (error && !opening_error_) {
        opening_error_ = classify(reply.text);
        // Whatever a server's words for it are, an AUTH that failed is a refusal, and so on.
        if (opening_error_->fault == Fault::unexpected) {
          opening_error_->fault = step == Step::auth ? Fault::denied : Fault::misconfigured;
        }
      }
      break;
    case Step::wake:
      // Woken or not, also by a change of the server's role, the script says how things stand. But where sleeping is not
      // allowed, going on would be spinning.
      if (error && !opening_error_) {
        opening_error_ = classify(reply.text);
        if (opening_error_->fault == Fault::not_primary) opening_error_.reset();
      }
      break;
    case Step::role:
      if (!error && !reply.items.empty()) from_primary_ = reply.items[0].text == "master";
      break;
    case Step::script:
      on_script(reply, now);
      break;
  }
}

void RedisEngine::on_script(const RespValue& reply, Instant now) {
  if (reply.kind == RespValue::Kind::error) return on_script_error(classify(reply.text), now);
  if (opening_error_) {
    tainted_ = true;
    return fail({opening_error_->fault, true, true, target_.shown() + " says: " + opening_error_->text});
  }
  if (call_.script == nullptr && reply.kind != RespValue::Kind::array) return finish({reply.text});
  Values values;
  for (const RespValue& item : reply.items) {
    if (item.kind == RespValue::Kind::nil || item.kind == RespValue::Kind::array) {
      return fail(
          {Fault::unexpected, true, false, target_.shown() + " answered the script with something that is not flat"});
    }
    values.push_back(item.text);
  }
  if (values.empty() && call_.script != nullptr) {
    return fail({Fault::unexpected, true, false, target_.shown() + " answered the script with no array"});
  }
  finish(std::move(values));
}

void RedisEngine::on_script_error(const ErrorReply& error, Instant now) {
  const ErrorReply& cause = opening_error_ ? *opening_error_ : error;
  if (cause.passing) return pause(cause, now);
  if (opening_error_) {
    socket_.reset();
  } else if (error.no_script) {
    return send_source(now);
  }
  const bool elsewhere = cause.fault == Fault::not_primary || cause.fault == Fault::unreachable;
  fail({cause.fault, error.from_script, false, target_.shown() + " says: " + cause.text});
  if (elsewhere) socket_.reset();
}

Instant RedisEngine::deadline() const {
  const bool sleeps = call_.wait && phase_ != Phase::exchanging;
  return sleeps ? call_.deadline - call_.wait->at_most : call_.deadline;
}

void RedisEngine::on_deadline(Instant now) {
  if (refused_opening()) return;
  const std::string waited = format_duration(std::chrono::duration_cast<Millis>(now - started_));
  socket_.reset();
  lookup_.reset();
  const std::string said = last_said_.empty() ? "" : "; it said: " + last_said_;
  fail({Fault::unreachable, script_sent_, false, "no answer from " + target_.shown() + " within " + waited + said});
}

// A server that refuses us may hang up, or fall silent, before it answers the script: that is a refusal all the same, and no
// "no answer". Whether it ran the script as somebody else nobody knows then.
bool RedisEngine::refused_opening() {
  if (phase_ != Phase::exchanging || !opening_error_ || opening_error_->passing) return false;
  const ErrorReply error = *opening_error_;
  socket_.reset();
  fail({error.fault, script_sent_, false, target_.shown() + " says: " + error.text});
  return true;
}

void RedisEngine::finish(Values values) {
  phase_ = Phase::idle;
  reply_ = Reply{sent_, std::move(values), from_primary_};
}

void RedisEngine::fail(Failure failure) {
  phase_ = Phase::idle;
  reply_ = Reply{sent_, std::move(failure), from_primary_};
}

// The connection broke, or never came to be. While nothing was sent, the next address may do; and when all that are known
// fail, the name may have moved.
// `why` is a copy: it mostly is the text of the socket that goes here.
void RedisEngine::disconnect(std::string why, Instant now) {
  const bool connecting = phase_ == Phase::connecting;
  if (!connecting && refused_opening()) return;
  const bool garbled = socket_->is_garbled();
  socket_.reset();
  if (connecting && next_address_ < addresses_.size()) return open_next(now);
  if (connecting && !looked_up_ && literal_addresses(target_).empty()) return look_up();
  const std::string doing = connecting ? "cannot connect to " : "the exchange with ";
  const std::string end = connecting ? ": " : " broke off: ";
  fail({garbled ? Fault::unexpected : Fault::unreachable, script_sent_, false,
        doing + target_.shown() + end + std::move(why)});
}

}  // namespace condolock::redis
