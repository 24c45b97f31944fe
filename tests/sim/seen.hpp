// A record as it stands in the store, read without any script: what the rules are checked against.
#pragma once

#include <cstdint>
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
  // What may only grow.
  std::int64_t fence = 0, cut = 0, ok_start = 0, ok_end = 0, ended = 0, failed_at = 0, runs = 0, failures = 0;
  std::int64_t failures_in_a_row = 0, paused_until = 0, paused_for = 0, slots = 1;
  std::string outcome;
  std::vector<SeenHolder> holders;

  std::vector<SeenHolder> live(std::int64_t now) const;
  const SeenHolder* find(const std::string& token) const;
  // As a script reads it: a time in the future is now, and what lasts longer than its length begins now.
  SeenRecord mended(std::int64_t now) const;
  // As conditions see it: a lease that has ended is a failed run that ended with it.
  SeenRecord settled(std::int64_t now) const;
};

SeenRecord look_at(engine::embedded::Store& store, const std::string& key);

}  // namespace condolock::sim
