#include "engine/embedded/location.hpp"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "util/environment.hpp"
#include "util/escape.hpp"

namespace condolock::engine::embedded {
namespace {

constexpr std::string_view scheme = "file:";
constexpr std::string_view forms = "use file:, file:/DIRECTORY or file:/DIRECTORY?sync=none|records|all";

util::Problem refuse(const std::string& why) { return {"the URL " + why + "; " + std::string(forms)}; }

// Relative paths are ignored: XDG Base Directory Specification.
std::string default_directory() {
  const std::string state = util::from_environment("XDG_STATE_HOME");
  if (state.starts_with('/')) return state + "/condolock";
  const std::string home = util::from_environment("HOME");
  return home.starts_with('/') ? home + "/.local/state/condolock" : "";
}

}  // namespace

bool is_location(std::string_view url) { return url.starts_with(scheme); }

util::Result<DatabaseLocation> parse_location(std::string_view url) {
  url.remove_prefix(scheme.size());
  DatabaseLocation location;
  const std::size_t question = url.find('?');
  if (question != std::string_view::npos) {
    const std::string_view query = url.substr(question + 1);
    if (query == "sync=none") {
      location.sync = Sync::none;
    } else if (query == "sync=all") {
      location.sync = Sync::all;
    } else if (query != "sync=records") {
      return refuse("has an unknown option '" + util::escape(query) + "'");
    }
    url = url.substr(0, question);
  }
  if (url.starts_with("//")) {
    url.remove_prefix(2);
    if (url.empty()) return refuse("names no directory after file://");
    if (!url.starts_with('/')) return refuse("names a host, or a directory that is not absolute");
  }
  if (!url.empty() && !url.starts_with('/')) return refuse("names a directory that is not absolute");
  location.directory = url.empty() ? default_directory() : std::string(url);
  if (location.directory.empty()) return refuse("needs a directory, since neither XDG_STATE_HOME nor HOME is set");
  while (location.directory.size() > 1 && location.directory.ends_with('/')) location.directory.pop_back();
  return location;
}

std::string existing_directory(const DatabaseLocation& location) {
  std::string path = location.directory;
  while (path.size() > 1 && access(path.c_str(), F_OK) != 0) path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  return path;
}

std::optional<std::string> network_file_system(const DatabaseLocation& location) {
  struct Known {
    std::uint32_t magic;
    std::string_view name;
  };
  // From linux/magic.h, or from the file system's kernel sources where it is not listed there.
  static constexpr std::array<Known, 12> known{{{0x6969, "NFS"},
                                                {0xFF534D42, "CIFS"},
                                                {0xFE534D42, "SMB"},
                                                {0x517B, "SMB"},
                                                {0x01021997, "9P"},
                                                {0x00C36400, "Ceph"},
                                                {0x5346414F, "AFS"},
                                                {0x65735546, "FUSE"},
                                                {0x0BD00BD0, "Lustre"},
                                                {0x47504653, "GPFS"},
                                                {0x7461636F, "OCFS2"},
                                                {0x01161970, "GFS2"}}};
  struct statfs info {};
  if (statfs(existing_directory(location).c_str(), &info) != 0) return std::nullopt;
  for (const Known& each : known) {
    if (static_cast<std::uint32_t>(info.f_type) == each.magic) return std::string(each.name);
  }
  return std::nullopt;
}

}  // namespace condolock::engine::embedded
