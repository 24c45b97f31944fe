#include "engine/redis/cluster_discovery.hpp"

#include <algorithm>

namespace condolock::engine::redis {

void ClusterDiscovery::start(Instant now, Instant deadline) {
  cancel();
  deadline_ = deadline;
  next_ = 0;
  found_.clear();
  failure_.reset();
  is_following_ = named_.has_value();
  look_up_next(now);
}

// Each name has a share of the time. c-ares keeps to it only roughly.
void ClusterDiscovery::look_up_next(Instant now) {
  const auto left = static_cast<std::int64_t>(is_following_ ? 1 : nodes_.size() - next_);
  until_ = now + (deadline_ - now) / (left + 1);
  look_up_ = std::make_unique<HostDiscovery>(is_following_ ? *std::exchange(named_, std::nullopt) : nodes_[next_++]);
  look_up_->start(now, until_);
}

Interest ClusterDiscovery::interest() const {
  if (!look_up_) return {};
  Interest interest = look_up_->interest();
  interest.wake = util::earlier(interest.wake, until_);
  return interest;
}

std::optional<Answered<std::vector<Address>>> ClusterDiscovery::advance(short revents, Instant now) {
  for (;;) {
    auto found = look_up_->advance(revents, now);
    if (!found && now < until_) return std::nullopt;
    if (!found) found.emplace(Failure{Fault::unreachable, false, false, look_up_->pending()});
    if (*found) {
      found_.insert(found_.end(), (*found)->begin(), (*found)->end());
    } else if (!failure_) {
      failure_ = found->error();
    }
    if (is_following_ && *found) {
      // The others were found before. One of them has named this one.
      look_up_.reset();
      found_.insert(found_.end(), others_.begin(), others_.end());
      return found_;
    }
    if (next_ < nodes_.size()) {
      is_following_ = false;
      look_up_next(now);
      continue;
    }
    look_up_.reset();
    if (found_.empty()) return *failure_;
    // Begins with another address each time: a node that is cut off from the others may answer, but with CLUSTERDOWN.
    std::rotate(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(searches_++ % found_.size()), found_.end());
    others_ = found_;
    return found_;
  }
}

std::string ClusterDiscovery::pending() const { return look_up_ ? look_up_->pending() : "no node of the Cluster answers"; }

bool ClusterDiscovery::redirect(const Endpoint& to) {
  named_ = to;
  return true;
}

// A list: "server", "redis", "version", ..., "mode", "cluster", ...
std::optional<Failure> ClusterDiscovery::objection(const RespValue& reply) const {
  for (std::size_t i = 0; i + 1 < reply.items.size(); i += 2) {
    if (reply.items[i].text == "mode" && reply.items[i + 1].text == "cluster") return std::nullopt;
  }
  return Failure{Fault::misconfigured, false, false,
                 "belongs to no Cluster (for a single server, leave out +cluster in the URL)"};
}

}  // namespace condolock::engine::redis
