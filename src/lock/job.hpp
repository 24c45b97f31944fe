// A job's name, and the names of the keys that belong to it in the engine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "util/result.hpp"

namespace condolock::lock {

// A job's key: 1 to 1,024 bytes of any kind.
util::Result<std::string> checked_key(std::string_view text);

// A namespace: [A-Za-z0-9_.-]{1,64}.
util::Result<std::string> checked_namespace(std::string_view text);

// The namespace is the hash tag of every key, so that all keys of one are in one slot of a Cluster, and conditions on other
// jobs stay atomic there. One ACL pattern, ~{ns}:*, covers everything.
struct Job {
  std::string ns;
  std::string key;

  // In the order in which every script takes them: record, runs, retired, index, slots, wake, starts, once (see record.lua).
  std::vector<std::string> keys() const;
  // Of a job that a condition names: its record and its slots.
  std::vector<std::string> keys_of_other(const std::string& other) const;
  // What whoever waits for this job sleeps on.
  std::string wake() const { return name("wake", key); }

 private:
  std::string name(std::string_view kind, const std::string& of) const;
};

// Who holds a lease, for people: "pid host", at most 64 bytes together so that a record stays small; the host is cut to 48.
std::string this_holder();
// "4121 web1" -> "web1 (pid 4121)", made safe to show.
std::string shown_holder(std::string_view who);

}  // namespace condolock::lock
