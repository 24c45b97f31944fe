// A record as it is stored, read without any script. The rules are checked against it.
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
  // These may only grow.
  std::int64_t fence = 0, cut = 0, ok_start = 0, ok_end = 0, ended = 0, failed_at = 0, runs = 0, failures = 0;
  std::int64_t failures_in_a_row = 0, paused_until = 0, paused_for = 0, slots = 1;
  std::string outcome;
  std::vector<SeenHolder> holders;

  std::vector<SeenHolder> live(std::int64_t now) const;
  const SeenHolder* find(const std::string& token) const;
  // As a script reads it: a time in the future is now, and a pause or lease longer than its length begins now.
  SeenRecord mended(std::int64_t now) const;
  // As conditions see it: an expired lease is a failed run that ended with the lease.
  SeenRecord settled(std::int64_t now) const;
};

SeenRecord look_at(engine::embedded::Store& store, const std::string& key);

}  // namespace condolock::sim
