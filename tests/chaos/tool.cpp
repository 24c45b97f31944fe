#include "chaos/tool.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace chaos {
namespace {

std::string in_ms(std::int64_t ms) { return std::to_string(ms) + "ms"; }

std::string in_seconds(std::int64_t ms) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", static_cast<double>(ms) / 1e3);
  return text.data();
}

std::vector<std::string> with_command(std::vector<std::string> words, const Wish& wish) {
  words.insert(words.end(), {"sh", "-c", wish.script});
  return words;
}

std::vector<std::string> condolock(const Wish& wish) {
  std::vector<std::string> out{wish.condolock,
                               "run",
                               "-q",
                               "--url",
                               "unix://" + wish.socket,
                               "--key",
                               wish.key,
                               "--lease",
                               in_ms(wish.lease),
                               "--wait",
                               in_ms(wish.wait),
                               "--kill-after",
                               in_ms(wish.kill_after),
                               "--leftovers",
                               wish.leftovers,
                               "--history",
                               "1000",
                               "--record-timeout",
                               "5s",
                               "--redis-timeout",
                               "2s"};
  if (wish.timeout > 0) out.insert(out.end(), {"--timeout", in_ms(wish.timeout)});
  out.emplace_back("--");
  return with_command(std::move(out), wish);
}

std::vector<std::string> flock(const Wish& wish) {
  return with_command({"flock", "--wait", in_seconds(wish.wait), wish.directory + "/lock"}, wish);
}

// etcdctl has no limit for the wait.
std::vector<std::string> etcdctl(const Wish& wish) {
  const std::string ttl = std::to_string((wish.lease + 999) / 1000);
  return with_command(
      {"env", "ETCDCTL_API=3", "etcdctl", "--endpoints", "unix://" + wish.socket, "lock", "--ttl", ttl, wish.key, "--"},
      wish);
}

std::vector<std::string> redis_script(const Wish& wish) {
  return with_command({wish.scripts + "/redis-script", wish.socket, wish.key, std::to_string(wish.lease),
                       std::to_string(wish.wait), std::to_string(wish.kill_after)},
                      wish);
}

// cronlock never waits.
std::vector<std::string> cronlock(const Wish& wish) {
  return with_command({wish.scripts + "/cronlock", wish.socket, wish.key}, wish);
}

// The lock must last longer than the job, or two runs overlap without any fault. The commands of a trial live for at most
// one and a half leases.
std::vector<std::string> short_cronlock(const Wish& wish) {
  std::vector<std::string> out{"env", "CRONLOCK_GRACE=1",
                               "CRONLOCK_RELEASE=" + std::to_string((2 * wish.lease + 999) / 1000)};
  for (std::string& word : cronlock(wish)) out.push_back(std::move(word));
  return out;
}

constexpr std::array all{
    Tool{"condolock", "condolock", Needs::redis, condolock},
    Tool{"flock", "flock, one host", Needs::no_server, flock},
    Tool{"etcdctl", "etcdctl lock", Needs::etcd, etcdctl},
    Tool{"redis-script", "token-and-Lua script", Needs::redis, redis_script},
    Tool{"cronlock", "cronlock, grace 40 s, release 24 h", Needs::redis, cronlock},
    Tool{"cronlock-short", "cronlock, grace 1 s, release 4 s", Needs::redis, short_cronlock},
};

}  // namespace

std::span<const Tool> tools() { return all; }

const Tool* tool_named(std::string_view name) {
  const auto* const found = std::ranges::find(all, name, &Tool::name);
  return found == all.end() ? nullptr : found;
}

}  // namespace chaos
