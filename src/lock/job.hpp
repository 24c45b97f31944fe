// A job's name, and the names of its keys in the engine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "util/result.hpp"

namespace condolock::lock {

// The same value as LONGEST_NAME in record.lua.
inline constexpr std::size_t longest_key = 1024;

// Accepts a job's key: 1 to longest_key bytes of any kind.
util::Result<std::string> checked_key(std::string_view text);

// Accepts a namespace: [A-Za-z0-9_.-]{1,64}.
util::Result<std::string> checked_namespace(std::string_view text);

// The namespace is the hash tag of every key. So a Cluster keeps all keys of a namespace in one slot, and conditions on
// other jobs stay atomic. One ACL pattern, ~{ns}:*, covers all keys.
struct Job {
  std::string ns;
  std::string key;

  // In the order that every script expects: record, runs, retired, index, slots, wake, starts, once, spare, pause (see
  // record.lua).
  std::vector<std::string> keys() const;
  // The keys of a job that a condition names: its record and its slots.
  std::vector<std::string> keys_of_other(const std::string& other) const;
  // The list on which a waiter of this job sleeps until a wake-up.
  std::string wake() const { return name("wake", key); }
  // What the engine writes to see whether the replicas follow: see engine::Replicas.
  std::string replicated() const { return "{" + ns + "}:replicated"; }

 private:
  std::string name(std::string_view kind, const std::string& of) const;
};

// A host's name as records have it. It is cut to 48 bytes, so that a holder has less than 64 and a record stays small.
std::string recorded_host(std::string_view name);
// This process as a holder, for people: "pid host".
std::string this_holder();
// This user as an operator, for people: "alice@web1". The name comes from $SUDO_USER or $LOGNAME, else it is the user's
// number. One word of at most 50 bytes.
std::string this_operator();
// "4121 web1" -> "web1 (pid 4121)", escaped.
std::string shown_holder(std::string_view who);

}  // namespace condolock::lock
