#include "engine/redis/cluster_discovery.hpp"

#include <algorithm>

namespace condolock::engine::redis {

void ClusterDiscovery::start(Instant now, Instant deadline) {
  // Begins with another node each time: one that is cut off from the others may answer, but with CLUSTERDOWN.
  searched_ = nodes_;
  std::rotate(nodes_.begin(), nodes_.begin() + 1, nodes_.end());
  if (named_) searched_.insert(searched_.begin(), *std::exchange(named_, std::nullopt));
  next_ = 0;
  deadline_ = deadline;
  found_.clear();
  failure_.reset();
  look_up_next(now);
}

void ClusterDiscovery::look_up_next(Instant now) {
  const auto left = static_cast<std::int64_t>(searched_.size() - next_);
  look_up_ = std::make_unique<HostDiscovery>(searched_[next_++]);
  look_up_->start(now, now + (deadline_ - now) / (left + 1));
}

Interest ClusterDiscovery::interest() const { return look_up_ ? look_up_->interest() : Interest{}; }

std::optional<Answered<std::vector<Address>>> ClusterDiscovery::advance(short revents, Instant now) {
  for (;;) {
    const auto found = look_up_->advance(revents, now);
    if (!found) return std::nullopt;
    if (*found) {
      found_.insert(found_.end(), (*found)->begin(), (*found)->end());
    } else if (!failure_) {
      failure_ = found->error();
    }
    if (next_ < searched_.size()) {
      look_up_next(now);
      continue;
    }
    look_up_.reset();
    if (found_.empty()) return *failure_;
    return found_;
  }
}

std::string ClusterDiscovery::pending() const { return look_up_ ? look_up_->pending() : "no node of the Cluster answers"; }

bool ClusterDiscovery::redirect(const Endpoint& to) {
  named_ = to;
  return true;
}

}  // namespace condolock::engine::redis
