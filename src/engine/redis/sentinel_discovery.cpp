#include "engine/redis/sentinel_discovery.hpp"

#include <algorithm>

#include "engine/redis/limits.hpp"
#include "util/escape.hpp"

namespace condolock::engine::redis {
namespace {

// A Sentinel answers from memory. One that takes longer is stuck or cut off, and the others wait to be asked.
constexpr Millis longest_attempt{1000};

// A refusal says more than silence: it has a way out.
int weight(Fault fault) {
  if (fault == Fault::unreachable) return 0;
  return fault == Fault::local ? 1 : 2;
}

Target client_of(const Target& target) {
  Target client;
  client.user = target.sentinel_user;
  client.password = target.sentinel_password;
  return client;
}

}  // namespace

SentinelDiscovery::SentinelDiscovery(const Target& target, const Connector& connect)
    : connect_(connect),
      primary_(target.primary),
      encrypted_(target.tls.has_value()),
      as_client_(client_of(target)),
      sentinels_(target.others) {}

void SentinelDiscovery::start(Instant now, Instant deadline) {
  cancel();
  deadline_ = deadline;
  left_ = sentinels_.size();
  failure_.reset();
  is_unknown_ = false;
  names_.clear();
  outcome_.reset();
  ask_next(now);
}

void SentinelDiscovery::cancel() {
  session_.reset();
  look_up_.reset();
  phase_ = Phase::idle;
}

Interest SentinelDiscovery::interest() const {
  if (outcome_) return {-1, 0, BootClock::now()};
  Interest interest;
  if (phase_ == Phase::resolving || phase_ == Phase::finding) {
    interest = look_up_->interest();
  } else if (session_) {
    interest = session_->interest();
  }
  interest.wake = util::earlier(interest.wake, phase_ == Phase::connecting ? address_until_ : until_);
  return interest;
}

std::string SentinelDiscovery::pending() const {
  if (phase_ == Phase::finding || phase_ == Phase::resolving) return look_up_->pending();
  return "no answer from the Sentinel " + sentinel().shown();
}

// Each search begins with the Sentinel after the last one that was asked, which may have named a server that has failed
// since.
void SentinelDiscovery::ask_next(Instant now) {
  session_.reset();
  if (left_ < sentinels_.size()) std::rotate(sentinels_.begin(), sentinels_.begin() + 1, sentinels_.end());
  if (left_ == 0) {
    phase_ = Phase::idle;
    outcome_ = conclusion();
    return;
  }
  const auto shares = static_cast<std::int64_t>(left_) + 1;  // one for the primary
  until_ = now + std::min<BootClock::duration>(longest_attempt, (deadline_ - now) / shares);
  --left_;
  look_up_ = std::make_unique<HostDiscovery>(sentinel());
  phase_ = Phase::resolving;
  look_up_->start(now, until_);
}

void SentinelDiscovery::connect_next(Instant now) {
  phase_ = Phase::connecting;
  const auto left = static_cast<std::int64_t>(addresses_.size() - next_address_);
  address_until_ = now + (until_ - now) / left;
  session_.emplace(connect_(addresses_[next_address_++]), as_client_);
  if (!session_->error().empty()) on_connecting(now);
}

void SentinelDiscovery::on_resolving(short revents, Instant now) {
  auto found = look_up_->advance(revents, now);
  if (!found) return;
  if (!*found && phase_ == Phase::resolving) return give_up(found->error().fault, found->error().text, now);
  look_up_.reset();
  if (phase_ == Phase::finding) {
    phase_ = Phase::idle;
    outcome_ = *std::move(found);
    return;
  }
  addresses_ = **std::move(found);
  next_address_ = 0;
  connect_next(now);
}

void SentinelDiscovery::on_connecting(Instant now) {
  if (!session_->error().empty()) {
    if (next_address_ < addresses_.size()) return connect_next(now);
    const std::string error = session_->error();
    return give_up(session_->fault(), "cannot connect to the Sentinel " + sentinel().shown() + ": " + error, now);
  }
  if (!session_->is_connected()) {
    if (now >= address_until_ && next_address_ < addresses_.size()) connect_next(now);
    return;
  }
  phase_ = Phase::asking;
  session_->send(format_command({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", primary_}), 1);
}

std::optional<SentinelDiscovery::Outcome> SentinelDiscovery::advance(short revents, Instant now) {
  if (phase_ == Phase::resolving || phase_ == Phase::finding) {
    on_resolving(revents, now);
  } else if (session_) {
    if (phase_ == Phase::connecting || revents != 0 || session_->interest().wake) session_->advance(revents);
    if (phase_ == Phase::connecting) on_connecting(now);
  }
  while (phase_ == Phase::asking || phase_ == Phase::listing) {
    const auto reply = session_->next_reply();
    if (!reply) {
      if (session_->error().empty()) break;
      const bool may_be_tls = !encrypted_ && !session_->has_answered();
      const std::string why = "the connection to the Sentinel " + sentinel().shown() + " broke: " + session_->error() +
                              (may_be_tls ? " (if this is a TLS port, write rediss+sentinel:// in the URL)" : "");
      give_up(session_->is_garbled() ? Fault::unexpected : Fault::unreachable, why, now);
    } else if (phase_ == Phase::listing) {
      on_names(*reply);
      ask_next(now);
    } else {
      on_reply(*reply, now);
    }
  }
  if (!outcome_ && phase_ != Phase::idle && phase_ != Phase::finding && now >= until_) {
    const bool is_silent = phase_ == Phase::connecting && encrypted_;
    const std::string hint = is_silent ? " (if this is a port without TLS, write redis+sentinel:// in the URL)" : "";
    give_up(Fault::unreachable, pending() + hint, now);
  }
  return std::exchange(outcome_, std::nullopt);
}

void SentinelDiscovery::on_reply(const RespValue& reply, Instant now) {
  std::optional<ErrorReply> error = session_->handshake_error();
  if (!error && reply.kind == RespValue::Kind::error) error = classify(reply.text);
  if (error) {
    const std::string who = "the Sentinel " + sentinel().shown();
    if (error->text.starts_with("ERR unknown command")) {
      return give_up(Fault::misconfigured, sentinel().shown() + " is not a Sentinel: name the port of one (26379)", now);
    }
    return give_up(error->fault, who + " says: " + error->text, now);
  }
  if (reply.kind == RespValue::Kind::nil) {
    is_unknown_ = true;
    phase_ = Phase::listing;
    return session_->send(format_command({"SENTINEL", "MASTERS"}), 1);
  }
  const auto found = reply.items.size() == 2 ? read_endpoint(reply.items[0].text + ":" + reply.items[1].text) : std::nullopt;
  if (!found || found->host.empty()) {
    return give_up(Fault::unexpected, "the Sentinel " + sentinel().shown() + " named no address", now);
  }
  session_.reset();
  std::rotate(sentinels_.begin(), sentinels_.begin() + 1, sentinels_.end());
  look_up_ = std::make_unique<HostDiscovery>(*found);
  phase_ = Phase::finding;
  until_ = deadline_;
  look_up_->start(now, deadline_);
  on_resolving(0, now);
}

// A list of lists: "name", NAME, "ip", IP, ...
void SentinelDiscovery::on_names(const RespValue& reply) {
  may_list_ = reply.kind != RespValue::Kind::error;
  for (const RespValue& primary : reply.items) {
    for (std::size_t i = 0; i + 1 < primary.items.size(); i += 2) {
      if (primary.items[i].text != "name") continue;
      const std::string name = util::escape(primary.items[i + 1].text.substr(0, limits::max_name_bytes));
      if (names_.size() < limits::max_listed_primaries) names_.insert(name);
    }
  }
}

void SentinelDiscovery::give_up(Fault fault, const std::string& why, Instant now) {
  if (!failure_ || weight(fault) > weight(failure_->fault)) failure_ = Failure{fault, false, false, why};
  ask_next(now);
}

std::optional<Failure> SentinelDiscovery::objection(const RespValue& reply) const {
  if (!reply.items.empty() && reply.items[0].text == "master") return std::nullopt;
  return Failure{Fault::not_primary, false, false, "is a replica, but a Sentinel names it as the primary"};
}

SentinelDiscovery::Outcome SentinelDiscovery::conclusion() const {
  if (!is_unknown_ || (failure_ && failure_->fault == Fault::unreachable)) return *failure_;
  std::string known;
  for (const std::string& name : names_) known += (known.empty() ? "" : ", ") + name;
  return Failure{Fault::misconfigured, false, false,
                 "no Sentinel knows a primary with the name " + util::escape(primary_) +
                     (!known.empty() ? "; they know: " + known : (may_list_ ? ": they watch none" : ""))};
}

}  // namespace condolock::engine::redis
