#include "engine/redis/redis_engine.hpp"

#include <algorithm>

#include "engine/redis/cluster_discovery.hpp"
#include "engine/redis/host_discovery.hpp"
#include "engine/redis/limits.hpp"
#include "engine/redis/refusal.hpp"
#include "engine/redis/sentinel_discovery.hpp"
#include "engine/redis/socket_transport.hpp"
#include "engine/redis/tls.hpp"
#include "engine/removal.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"
#include "util/timestamp.hpp"

namespace condolock::engine::redis {
namespace {

std::string format_script(const Call& call, std::string_view verb, std::string_view script) {
  const std::string keys = std::to_string(call.keys.size());
  std::vector<std::string_view> command{verb, script, keys};
  command.insert(command.end(), call.keys.begin(), call.keys.end());
  command.insert(command.end(), call.args.begin(), call.args.end());
  return format_command(command);
}

std::string format_call(const Call& call) {
  return call.as_source ? format_script(call, "EVAL", call.script->source)
                        : format_script(call, "EVALSHA", call.script->sha1);
}

// `target` and `connect` must outlive the result.
std::unique_ptr<Discovery> discovery_of(const Target& target, const Connector& connect) {
  switch (target.topology) {
    case Topology::sentinel:
      return std::make_unique<SentinelDiscovery>(target, connect);
    case Topology::cluster:
      return std::make_unique<ClusterDiscovery>(target.others);
    case Topology::single:
      break;
  }
  return std::make_unique<HostDiscovery>(target);
}

}  // namespace

// connect_ and discovery_ keep references to what is declared and initialized before them.
RedisEngine::RedisEngine(Target target)
    : target_(std::move(target)),
      connect_(target_.tls ? tls_connector(target_) : SocketTransport::connect),
      discovery_(discovery_of(target_, connect_)),
      jitter_(util::random_seed()) {}

RedisEngine::RedisEngine(Target target, std::unique_ptr<Discovery> discovery, Connector connect)
    : target_(std::move(target)),
      connect_(std::move(connect)),
      discovery_(std::move(discovery)),
      jitter_(util::random_seed()) {}

// ---- the interface of Engine

void RedisEngine::start(Call call, Instant now) {
  call_ = std::move(call);
  started_ = now;
  discovered_ = false;
  connecting_fault_.reset();
  script_sent_ = false;
  last_error_.clear();
  last_failure_.reset();
  connect_error_.clear();
  from_primary_.reset();
  redirections_ = 0;
  is_asking_ = false;
  const bool usable = session_ && (!tainted_ || call_.same_session) && session_->is_idle();
  if (usable) {
    exchange(now);
  } else if (call_.same_session) {
    fail({Fault::unreachable, false, false, "the connection to " + server() + " is gone"});
  } else {
    find_server(now);
  }
}

void RedisEngine::cancel() {
  if (phase_ != Phase::idle) session_.reset();
  discovery_->cancel();
  reply_.reset();
  phase_ = Phase::idle;
}

Interest RedisEngine::interest() const {
  if (reply_) return {-1, 0, started_};
  Interest interest;
  switch (phase_) {
    case Phase::idle:
      return {};
    case Phase::discovering:
      interest = discovery_->interest();
      interest.wake = util::earlier(interest.wake, deadline());
      return interest;
    case Phase::connecting:
    case Phase::proving:
      interest = session_->interest();
      interest.wake = util::earlier(interest.wake, step_until_);
      return interest;
    case Phase::exchanging:
      interest = session_->interest();
      interest.wake = util::earlier(interest.wake, deadline());
      return interest;
    case Phase::pausing:
      return {-1, 0, step_until_};
  }
  return {};
}

std::optional<Reply> RedisEngine::advance(short revents, Instant now) {
  switch (phase_) {
    case Phase::idle:
      break;
    case Phase::discovering:
      on_discovering(revents, now);
      break;
    case Phase::connecting:
      on_connecting(revents, now);
      break;
    case Phase::proving:
      on_proving(revents, now);
      break;
    case Phase::exchanging:
      on_exchange(revents, now);
      break;
    case Phase::pausing:
      if (now >= step_until_ && now < deadline()) find_server(now);
      break;
  }
  if (phase_ != Phase::idle && now >= deadline()) on_deadline(now);
  return std::exchange(reply_, std::nullopt);
}

// ---- steps of a call

void RedisEngine::exchange(Instant now) {
  phase_ = Phase::exchanging;
  blpop_error_.reset();
  change_error_.reset();
  unconfirmed_.reset();
  awaited_.clear();
  std::string bytes;
  if (call_.ask_role) add(bytes, Step::role, format_command({"ROLE"}));
  if (call_.wait) {
    const auto length = std::max<std::int64_t>(call_.wait->at_most.count(), 1);  // 0 would block forever
    const std::string seconds = util::format_seconds(length);
    add(bytes, Step::wake, format_command({"BLPOP", call_.wait->key, seconds}));
  }
  add(bytes, Step::script,
      call_.script == nullptr ? format_command({call_.args.begin(), call_.args.end()}) : format_call(call_));
  if (is_too_long(bytes)) return;
  script_sent_ = true;
  sent_ = now;
  session_->send(bytes, awaited_.size());
}

void RedisEngine::add(std::string& bytes, Step step, const std::string& command) {
  if (is_asking_ && step != Step::role) {
    bytes += format_command({"ASKING"});
    awaited_.push_back(Step::asking);
  }
  bytes += command;
  awaited_.push_back(step);
}

bool RedisEngine::is_too_long(const std::string& request) {
  if (request.size() <= limits::max_request_bytes) return false;
  fail({Fault::misconfigured, script_sent_, false,
        "the request is longer than " + std::to_string(limits::max_request_bytes / limits::mebibyte) +
            " MiB: use fewer conditions or shorter names"});
  return true;
}

// The server does not know the script's digest. From now on this call sends the script itself. A second NOSCRIPT is then an
// unexpected reply.
void RedisEngine::send_source(Instant now) {
  call_.as_source = true;
  std::string bytes;
  const std::size_t before = awaited_.size();
  add(bytes, Step::script, format_call(call_));
  if (is_too_long(bytes)) return;
  sent_ = now;
  session_->send_next(bytes, awaited_.size() - before);
}

// Redis 7.2 and later count only from the connection's last change, which a repeated script may not make. So this makes one.
// If the server refuses that, nothing is confirmed.
void RedisEngine::await_replicas(Values values, Instant now) {
  unconfirmed_ = std::move(values);
  // The server looks ten times a second whose wait is over.
  constexpr Millis late{150};
  const Millis asleep = call_.wait ? call_.wait->at_most : Millis(0);  // the caller's deadline includes it
  const auto left = std::chrono::duration_cast<Millis>(std::min(deadline() - now, call_.deadline - started_ - asleep));
  const auto patience = std::max(std::min(left * 3 / 4, left - late), Millis(1));  // 0 would wait forever
  std::string bytes;
  const std::size_t before = awaited_.size();
  add(bytes, Step::change, format_command({"HSET", call_.replicas->mark, "asked", "1"}));
  add(bytes, Step::replicas,
      format_command({"WAIT", std::to_string(call_.replicas->at_least), std::to_string(patience.count())}));
  session_->send_next(bytes, awaited_.size() - before);
}

// ---- events

void RedisEngine::on_exchange(short revents, Instant now) {
  // A transport with `wake` holds bytes that poll() does not see.
  if (revents != 0 || session_->interest().wake) session_->advance(revents);
  while (phase_ == Phase::exchanging && !awaited_.empty()) {
    const auto reply = session_->next_reply();
    if (!reply) break;
    const Step step = awaited_.front();
    awaited_.pop_front();
    on_reply(step, *reply, now);
  }
  if (phase_ == Phase::exchanging && !session_->error().empty()) disconnect(session_error(), now);
}

std::string RedisEngine::session_error() const {
  if (!session_->is_over_limit()) return session_->error();
  if (call_.about.empty()) return session_->error() + ": ask for fewer keys at once";
  const std::string key = util::escape(call_.about);
  return session_->error() + ": the record of " + key + " is damaged, or this is not Redis (condolock reset " +
         util::shell_quoted(call_.about) + " --yes removes it)";
}

void RedisEngine::on_reply(Step step, const RespValue& reply, Instant now) {
  const bool error = reply.kind == RespValue::Kind::error;
  switch (step) {
    case Step::asking:
      break;
    case Step::change:
      if (error) change_error_ = classify(reply.text);
      break;
    case Step::replicas:
      on_replicas(reply);
      break;
    case Step::wake:
      // The server runs the script whatever ended the wait, also after a change of its role. Any other error to BLPOP fails
      // the call: the caller would otherwise retry in a busy loop.
      if (error) {
        blpop_error_ = classify(reply.text);
        if (blpop_error_->fault == Fault::not_primary) blpop_error_.reset();
        if (reply.text.starts_with("WRONGTYPE")) {
          blpop_error_->text = "the record " + util::escape(call_.wait->key) + " is malformed: holds another type of value" +
                               how_to_remove(call_.wait->key);
        }
      }
      break;
    case Step::role:
      if (error && classify(reply.text).transient) return pause(classify(reply.text), now);
      if (!error && !reply.items.empty()) from_primary_ = reply.items[0].text == "master";
      break;
    case Step::script:
      on_script(reply, now);
      break;
  }
}

void RedisEngine::on_script(const RespValue& reply, Instant now) {
  if (reply.kind == RespValue::Kind::error) return on_script_error(classify(reply.text), now);
  if (earlier_error()) {
    tainted_ = true;
    return fail({earlier_error()->fault, true, true, server() + " says: " + explained(*earlier_error(), call_, target_)});
  }
  if (call_.script == nullptr && reply.kind != RespValue::Kind::array) return finish({reply.text});
  Values values;
  for (const RespValue& item : reply.items) {
    if (item.kind == RespValue::Kind::nil || item.kind == RespValue::Kind::array) {
      return fail({Fault::unexpected, true, false, server() + " sent a nested reply to a script"});
    }
    values.push_back(item.text);
  }
  if (values.empty() && call_.script != nullptr) {
    return fail({Fault::unexpected, true, false, server() + " sent a reply to a script that is not an array"});
  }
  const bool counts =
      call_.replicas && std::count(call_.replicas->after.begin(), call_.replicas->after.end(), values.front()) > 0;
  if (counts) return await_replicas(std::move(values), now);
  finish(std::move(values));
}

void RedisEngine::on_replicas(const RespValue& reply) {
  std::optional<ErrorReply> refusal = std::exchange(change_error_, std::nullopt);
  if (!refusal && reply.kind == RespValue::Kind::error) refusal = classify(reply.text);
  if (refusal) {
    const ErrorReply& error = *refusal;
    fail({error.fault, true, false, server() + " says: " + explained(error, call_, target_)});
    if (error.fault != Fault::not_primary) return;
    doubtful_ = true;  // it is a replica since it ran the script
    return session_.reset();
  }
  const auto confirmed = util::parse_number<std::int64_t>(reply.text);
  if (reply.kind != RespValue::Kind::integer || !confirmed) {
    return fail({Fault::unexpected, true, false, server() + " sent a reply to WAIT that is not a number"});
  }
  if (*confirmed >= call_.replicas->at_least) return finish(*std::exchange(unconfirmed_, std::nullopt));
  const std::string number = *confirmed == 0 ? "no replica" : "only " + std::to_string(*confirmed);
  fail({Fault::write_refused, true, false,
        server() + ": " + number + " confirmed the change in time, but --wait-replicas is " +
            std::to_string(call_.replicas->at_least)});
}

void RedisEngine::on_script_error(const ErrorReply& error, Instant now) {
  const ErrorReply cause = earlier_error().value_or(error);
  const bool is_earlier = earlier_error().has_value();
  if (call_.same_session && (cause.transient || cause.redirection)) {
    return fail({cause.fault, false, false, server() + " says: " + cause.text});
  }
  if (cause.transient) return pause(cause, now);
  const bool knows_digest = call_.script != nullptr && !call_.as_source;
  if (!is_earlier && error.no_script && knows_digest) return send_source(now);
  if (cause.redirection && !session_->handshake_error() && follow(*cause.redirection, now)) return;
  const bool elsewhere = cause.fault == Fault::not_primary;
  if (elsewhere && discovery_->fails_over()) {
    return search_again({cause.fault, false, false, server() + " says: " + cause.text}, now);
  }
  if (cause.redirection) {
    fail({cause.fault, false, false,
          server() + " says: " + cause.text + " (it belongs to a Cluster: write " +
              std::string(target_.tls ? "rediss" : "redis") + "+cluster:// in the URL)"});
    return session_.reset();
  }
  fail({cause.fault, error.from_script, false, server() + " says: " + explained(cause, call_, target_)});
  if (elsewhere) doubtful_ = true;
  if (is_earlier || elsewhere) session_.reset();
}

Instant RedisEngine::deadline() const {
  const bool sleeps = call_.wait && phase_ != Phase::exchanging;
  return sleeps ? call_.deadline - call_.wait->at_most : call_.deadline;
}

const std::optional<ErrorReply>& RedisEngine::earlier_error() const {
  return session_->handshake_error() ? session_->handshake_error() : blpop_error_;
}

// A server that refused AUTH, SELECT or BLPOP may close the connection, or not answer the script. That is a refusal, not "no
// answer". The server may have run the script as the default user or in database 0.
bool RedisEngine::fail_with_earlier_error() {
  if (phase_ != Phase::exchanging || !earlier_error() || earlier_error()->transient) return false;
  const ErrorReply error = *earlier_error();
  session_.reset();
  fail({error.fault, script_sent_, false, server() + " says: " + explained(error, call_, target_)});
  return true;
}

void RedisEngine::finish(Values values) {
  doubtful_ = false;
  phase_ = Phase::idle;
  reply_ = Reply{sent_, std::move(values), from_primary_};
}

void RedisEngine::fail(Failure failure) {
  phase_ = Phase::idle;
  reply_ = Reply{sent_, std::move(failure), from_primary_};
}

}  // namespace condolock::engine::redis
