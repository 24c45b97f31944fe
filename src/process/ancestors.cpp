#include "process/ancestors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "util/fd.hpp"
#include "util/number.hpp"

namespace condolock::process {
namespace {

// The text of /proc/PID/NAME; empty if it can't be read.
std::string proc_file(pid_t pid, const char* name) {
  const util::Fd file(open(("/proc/" + std::to_string(pid) + "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  std::string out;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = file ? read(file.get(), buffer.data(), buffer.size()) : 0;
    if (got <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

// 0: there is no parent, or it cannot be seen.
pid_t parent_of(pid_t pid) {
  const std::string text = proc_file(pid, "stat");
  // "pid (name) state parent ...": the name may contain any character, so look for its last bracket.
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos || name_end + 4 >= text.size()) return 0;
  const std::string_view rest = std::string_view(text).substr(name_end + 4);
  return util::parse_number<pid_t>(rest.substr(0, rest.find(' '))).value_or(0);
}

// Whether an argument before the -- is the key, or is --key=KEY.
bool has_key(std::string_view arguments, const std::string& key) {
  while (!arguments.empty()) {
    const std::string_view each = arguments.substr(0, arguments.find('\0'));
    if (each == "--") return false;
    if (each == key || each == "--key=" + key) return true;
    arguments.remove_prefix(std::min(each.size() + 1, arguments.size()));
  }
  return false;
}

}  // namespace

std::vector<pid_t> runs_above_us(const std::string& key) {
  std::vector<pid_t> runs;
  std::string below;  // the arguments of the last process
  for (pid_t at = getppid(); at > 1; at = parent_of(at)) {
    std::string arguments = proc_file(at, "cmdline");
    if (has_key(arguments, key)) {
      if (arguments == below) runs.pop_back();  // the process below was the keeper: it has the arguments of its condolock
      runs.push_back(at);
    }
    below = std::move(arguments);
  }
  return runs;
}

}  // namespace condolock::process
