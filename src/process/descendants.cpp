#include "process/descendants.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "util/fd.hpp"
#include "util/number.hpp"

namespace condolock::process {
namespace {

// Living processes by parent. A zombie is skipped: it needs no signal.
std::multimap<pid_t, pid_t> children_by_parent() {
  std::multimap<pid_t, pid_t> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) return out;
  while (const dirent* entry = readdir(proc.get())) {
    const auto pid = util::parse_number<pid_t>(entry->d_name);
    if (!pid) continue;
    const util::Fd stat(open(("/proc/" + std::string(entry->d_name) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 512> buffer{};
    const ssize_t length = stat ? read(stat.get(), buffer.data(), buffer.size()) : 0;
    if (length <= 0) continue;
    // "pid (name) state parent ...": the name may hold anything, so look for its last bracket.
    std::string_view text(buffer.data(), static_cast<std::size_t>(length));
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string_view::npos || name_end + 4 >= text.size()) continue;
    const char state = text[name_end + 2];
    text.remove_prefix(name_end + 4);
    const auto parent = util::parse_number<pid_t>(text.substr(0, text.find(' ')));
    if (parent && state != 'Z' && state != 'X') out.emplace(*parent, *pid);
  }
  return out;
}

std::vector<pid_t> living_descendants(const std::vector<pid_t>& but) {
  const auto children = children_by_parent();
  std::vector<pid_t> found{getpid()};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i]);
    for (auto at = begin; at != end; ++at) {
      if (std::find(but.begin(), but.end(), at->second) == but.end()) found.push_back(at->second);
    }
  }
  found.erase(found.begin());
  return found;
}

}  // namespace

std::vector<pid_t> living_children() {
  std::vector<pid_t> out;
  const auto children = children_by_parent();
  const auto [begin, end] = children.equal_range(getpid());
  for (auto at = begin; at != end; ++at) out.push_back(at->second);
  return out;
}

void signal_descendants(int signal, const std::vector<pid_t>& but) {
  constexpr int rounds = 100;  // a process in an uninterruptible sleep dies later; more is of no use
  for (int round = 0; round < rounds; ++round) {
    const auto found = living_descendants(but);
    if (found.empty()) return;
    for (const pid_t pid : found) kill(pid, signal);
    if (signal != SIGKILL) return;
    usleep(1000);
  }
}

}  // namespace condolock::process
