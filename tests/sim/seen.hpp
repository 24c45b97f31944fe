// A record as it is stored, read without any script. The rules are checked against it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/embedded/store.hpp"

namespace condolock::sim {

struct SeenHolder {
  std::string token;
  std::int64_t expires_at = 0;
  std::int64_t length = 0;
  std::int64_t fence = 0;
  std::int64_t start = 0;
  std::int64_t revoked = 0;
};

struct SeenRecord {
  // These may only grow.
  std::int64_t fence = 0, cut = 0, ok_start = 0, ok_end = 0, ended = 0, failed_at = 0, runs = 0, failures = 0;
  std::int64_t failures_in_a_row = 0, paused_until = 0, paused_for = 0, slots = 1, forget_after = 0;
  std::string outcome;
  std::vector<SeenHolder> holders;

  std::vector<SeenHolder> live(std::int64_t now) const;
  const SeenHolder* find(const std::string& token) const;
  // As a script reads it: a time in the future is now, and a pause or lease longer than its length begins now.
  SeenRecord mended(std::int64_t now) const;
  // As conditions see it: an expired lease is a failed run that ended with the lease.
  SeenRecord settled(std::int64_t now) const;
};

// The record as it is now: one that has expired is not there, whether anybody has looked since or not.
SeenRecord look_at(engine::embedded::Store& store, const std::string& key, std::int64_t now);

// The pause of all keys.
struct SeenPause {
  std::int64_t until = 0;   // 0: there is none
  std::int64_t length = 0;  // 0: until somebody resumes

  SeenPause mended(std::int64_t now) const;
};

SeenPause look_at_pause(engine::embedded::Store& store);

// When the keys of a record expire, by their kinds; 0: never. A key that does not exist is left out.
std::map<std::string, std::int64_t> expiries(engine::embedded::Store& store, const std::string& key);

}  // namespace condolock::sim
