// The part of RedisEngine that finds a server, and that decides whether another one is tried.
#include <algorithm>

#include "engine/redis/limits.hpp"
#include "engine/redis/redis_engine.hpp"
#include "engine/redis/refusal.hpp"
#include "util/duration.hpp"

namespace condolock::engine::redis {

void RedisEngine::find_server(Instant now) {
  session_.reset();
  tainted_ = false;
  next_address_ = 0;
  if (addresses_.empty() || (doubtful_ && !discovered_ && discovery_->can_change())) {
    discover(now);
  } else {
    connect_next(now);
  }
}

void RedisEngine::discover(Instant now) {
  discovered_ = true;
  phase_ = Phase::discovering;
  discovery_->start(now, deadline());
  on_discovering(0, now);
}

void RedisEngine::connect_next(Instant now) {
  phase_ = Phase::connecting;
  const Address& address = addresses_[next_address_++];
  // A silent address must leave time to try the next ones.
  const auto left = static_cast<std::int64_t>(addresses_.size() - next_address_ + 1);
  step_until_ = now + (deadline() - now) / left;
  // A server that is gone may be silent. While it is waited for, another one may have taken over.
  if (discovery_->fails_over()) step_until_ = std::min<Instant>(step_until_, now + limits::longest_connecting);
  session_.emplace(connect_(address), target_);
  if (!session_->error().empty()) disconnect(session_->error(), now);
}

// Whether another node of a Cluster has sent this call to the server. So the server belongs to the Cluster, and no other one
// has the keys.
bool RedisEngine::is_named_by_another() const {
  return redirections_ > 0 && next_address_ > 0 && addresses_[next_address_ - 1].shown == named_;
}

// The server is not ready and has not run the script: retry soon. `error` is a copy, since this resets the session that may
// own it.
void RedisEngine::pause(ErrorReply error, Instant now) {
  const Failure failure{error.fault, false, false, server() + " says: " + error.text};
  last_error_ = std::move(error.text);
  begin_again(failure, now);
}

// A node of a Cluster says that another one has the keys. It has not run the script. While the nodes disagree, as during a
// failover, this pauses. False: the URL names only one server.
bool RedisEngine::follow(const Redirection& redirection, Instant now) {
  Endpoint to = redirection.to;
  if (to.host.empty()) to.host = addresses_[next_address_ - 1].host;
  if (!discovery_->redirect(to)) return false;
  named_ = to.shown();
  if (call_.wait && now >= call_.deadline - call_.wait->at_most) {
    // The call slept, and has no time left to connect. The next one goes to the other node.
    search_again({Fault::not_ready, false, false, server() + " names " + to.shown()}, now);
    return true;
  }
  if (++redirections_ > limits::max_redirections) {
    const std::string loop =
        " names " + to.shown() + " again and again: the Cluster may be failing over, or moving the keys";
    const std::string& why = connect_error_;
    search_again({Fault::not_ready, false, false, server() + loop + (why.empty() ? "" : "; " + why)}, now);
    return true;
  }
  session_.reset();
  script_sent_ = false;
  is_asking_ = redirection.is_ask;
  discover(now);
  return true;
}

// Nothing was done. Another server may take over soon.
void RedisEngine::search_again(const Failure& failure, Instant now) {
  // An attempt that starts just before the deadline has no time to succeed. The failure before it says more.
  const bool is_hurried = last_failure_ && failure.fault == Fault::unreachable && deadline() - now < Millis(200);
  const Failure telling = is_hurried ? *last_failure_ : failure;
  last_error_.clear();
  begin_again(telling, now);
  last_failure_ = telling;
}

// Tries again after a short pause, and forgets the failures of earlier attempts. A caller that retries by itself
// (not_ready_is_final) gets the failure instead.
void RedisEngine::begin_again(const Failure& failure, Instant now) {
  doubtful_ = true;
  if (discovery_->fails_over()) discovered_ = false;
  last_failure_.reset();
  connecting_fault_.reset();
  connect_error_.clear();
  redirections_ = 0;
  is_asking_ = false;
  session_.reset();
  if (call_.not_ready_is_final) return fail(failure);
  script_sent_ = false;
  phase_ = Phase::pausing;
  step_until_ = std::min(now + jitter_.between(Millis(50), Millis(150)), deadline());
}

void RedisEngine::on_discovering(short revents, Instant now) {
  const auto found = discovery_->advance(revents, now);
  if (!found) return;
  const bool may_pass = !*found && (found->error().fault == Fault::unreachable || found->error().fault == Fault::not_ready);
  if (may_pass && discovery_->fails_over() && addresses_.empty()) {
    return search_again(found->error(), now);
  }
  if (!*found && addresses_.empty()) return fail(found->error());
  if (*found) {
    addresses_ = **found;
    doubtful_ = false;
  }
  next_address_ = 0;
  connect_next(now);
}

void RedisEngine::on_connecting(short revents, Instant now) {
  session_->advance(revents);
  if (!session_->error().empty()) {
    disconnect(session_->error(), now);
  } else if (session_->is_connected()) {
    const std::string proof = is_named_by_another() ? "" : discovery_->proof();
    if (proof.empty()) return exchange(now);
    phase_ = Phase::proving;
    session_->send(format_command({proof}), 1);
  } else if (now >= step_until_ && now < deadline()) {
    disconnect("no answer", now);
  }
}

void RedisEngine::on_proving(short revents, Instant now) {
  if (revents != 0 || session_->interest().wake) session_->advance(revents);
  const auto reply = session_->next_reply();
  if (!reply) {
    if (!session_->error().empty()) return disconnect(session_->error(), now);
    if (now >= step_until_ && now < deadline()) disconnect("no answer", now);
    return;
  }
  std::optional<ErrorReply> error = session_->handshake_error();
  if (!error && reply->kind == RespValue::Kind::error) error = classify(reply->text);
  if (error && error->transient) return pause(*error, now);
  if (error) {
    fail({error->fault, false, false, server() + " says: " + explained(*error, call_, target_)});
    session_.reset();
    return;
  }
  auto objection = discovery_->objection(*reply);
  if (!objection) return exchange(now);
  objection->text = server() + " " + objection->text;
  if (objection->fault == Fault::not_primary) return search_again(*objection, now);
  fail(*std::move(objection));
  session_.reset();
}

void RedisEngine::on_deadline(Instant now) {
  if (fail_with_earlier_error()) return;
  doubtful_ = true;
  const std::string waited = util::format_duration(std::chrono::duration_cast<Millis>(now - started_));
  if (phase_ != Phase::exchanging && last_failure_) {
    session_.reset();
    discovery_->cancel();
    return fail({last_failure_->fault, false, false, last_failure_->text + " (tried for " + waited + ")"});
  }
  if (phase_ == Phase::discovering && last_error_.empty()) {
    const std::string pending = discovery_->pending();
    discovery_->cancel();
    return fail({Fault::unreachable, script_sent_, false, pending + " within " + waited});
  }
  const std::string name = server();
  const bool silent = phase_ == Phase::connecting && target_.tls;
  session_.reset();
  discovery_->cancel();
  std::string said = last_error_.empty() ? "" : "; its last reply: " + last_error_;
  if (silent) said += " (if this is a port without TLS, write " + scheme(false) + " in the URL)";
  const Fault fault = last_error_.empty() ? Fault::unreachable : Fault::not_ready;
  fail({fault, script_sent_, false, "no answer from " + name + " within " + waited + said});
}

// The connection broke or could not be made. If it could not be made, tries the next address. After the last one, resolves
// the name again, once in a call: its addresses may have changed. `why` is a copy, since this resets the session that
// usually owns the text.
void RedisEngine::disconnect(std::string why, Instant now) {
  const bool connecting = phase_ == Phase::connecting || phase_ == Phase::proving;
  if (!connecting && fail_with_earlier_error()) return;
  // A server that is not ready may close the connection after its error reply.
  if (!connecting && earlier_error()) return pause(*earlier_error(), now);
  const bool garbled = session_->is_garbled();
  // So a TLS port answers what is not TLS.
  const bool is_first_exchange = phase_ != Phase::connecting && !session_->has_answered() && !session_->is_over_limit() &&
                                 !target_.tls && !target_.host.empty();
  const Fault kind = session_->fault();
  const std::string name = server();
  if (connecting) {
    const bool is_answer = kind != Fault::local && kind != Fault::unreachable;
    if (!connecting_fault_ || *connecting_fault_ == Fault::local || is_answer) connecting_fault_ = kind;
  }
  doubtful_ = true;
  session_.reset();
  const std::string doing = connecting ? "cannot connect to " : "the connection to ";
  const std::string end = connecting ? ": " : " broke: ";
  if (connecting) connect_error_ = doing + name + end + why;
  // One that may not be trusted.
  const bool is_last = is_named_by_another() && kind != Fault::unreachable && kind != Fault::local;
  if (connecting && next_address_ < addresses_.size() && !is_last) return connect_next(now);
  if (connecting && !discovery_->fails_over() && !discovered_ && discovery_->can_change()) return discover(now);
  Fault fault = connecting ? *connecting_fault_ : kind;
  if (garbled) fault = Fault::unexpected;
  if (is_first_exchange) why += " (if this is a TLS port, write " + scheme(true) + " in the URL)";
  const Failure failure{fault, script_sent_, false, doing + name + end + std::move(why)};
  if (connecting && fault == Fault::unreachable && discovery_->fails_over()) return search_again(failure, now);
  fail(failure);
}

std::string RedisEngine::scheme(bool encrypted) const {
  const char* kind = target_.topology == Topology::sentinel ? "+sentinel" : "";
  if (target_.topology == Topology::cluster) kind = "+cluster";
  return std::string(encrypted ? "rediss" : "redis") + kind + "://";
}

std::string RedisEngine::server() const {
  const bool is_known = next_address_ > 0 && next_address_ <= addresses_.size();
  const std::string& shown = is_known ? addresses_[next_address_ - 1].shown : "";
  return shown.empty() ? target_.shown() : shown;
}

}  // namespace condolock::engine::redis
