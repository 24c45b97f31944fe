#include "chaos/tool.hpp"

namespace chaos {

std::vector<std::string> condolock_command(const std::string& condolock, const Wish& wish) {
  const auto length = [](std::int64_t ms) { return std::to_string(ms) + "ms"; };
  std::vector<std::string> out{condolock,
                               "run",
                               "-q",
                               "--url",
                               "unix://" + wish.socket,
                               "--key",
                               wish.key,
                               "--lease",
                               length(wish.lease),
                               "--wait",
                               length(wish.wait),
                               "--kill-after",
                               length(wish.kill_after),
                               "--leftovers",
                               wish.leftovers,
                               "--history",
                               "1000",
                               "--record-timeout",
                               "5s",
                               "--redis-timeout",
                               "2s"};
  if (wish.timeout > 0) out.insert(out.end(), {"--timeout", length(wish.timeout)});
  out.insert(out.end(), {"--", "sh", "-c", wish.script});
  return out;
}

}  // namespace chaos
