// A job's name, and the names of the keys that belong to it in the engine.
#pragma once

#include <string>
#include <string_view>

#include "util/result.hpp"

namespace condolock {

// A job's key: 1 to 1,024 bytes of any kind.
Result<std::string> checked_key(std::string_view text);

// A namespace: [A-Za-z0-9_.-]{1,64}.
Result<std::string> checked_namespace(std::string_view text);

// The namespace is the hash tag of every key, so that all keys of one are in one slot of a Cluster, and conditions on other
// jobs stay atomic there. One ACL pattern, ~{ns}:*, covers everything.
struct Job {
  std::string ns;
  std::string key;

  std::string record() const { return record_of(key); }
  std::string record_of(const std::string& other) const { return "{" + ns + "}:job:" + other; }
  std::string runs() const { return "{" + ns + "}:runs:" + key; }
  std::string retired() const { return "{" + ns + "}:retired:" + key; }
  std::string index() const { return "{" + ns + "}:index"; }
};

// Who holds a lease, for people: "pid host", at most 64 bytes together so that a record stays small; the host is cut to 48.
std::string this_holder();
// "4121 web1" -> "web1 (pid 4121)", made safe to show.
std::string shown_holder(std::string_view who);

}  // namespace condolock
