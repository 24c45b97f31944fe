#include "sim/seen.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <string_view>

namespace condolock::sim {
namespace {

struct Field {
  std::string_view name;
  std::int64_t SeenRecord::*of_record;
  std::int64_t SeenHolder::*of_holder;
};

// By name.
constexpr std::array<Field, 18> fields{{{"cut", &SeenRecord::cut, nullptr},
                                        {"ended", &SeenRecord::ended, nullptr},
                                        {"failed_at", &SeenRecord::failed_at, nullptr},
                                        {"failures", &SeenRecord::failures, nullptr},
                                        {"failures_in_a_row", &SeenRecord::failures_in_a_row, nullptr},
                                        {"fence", &SeenRecord::fence, nullptr},
                                        {"forget_after", &SeenRecord::forget_after, nullptr},
                                        {"h_fence", nullptr, &SeenHolder::fence},
                                        {"h_length", nullptr, &SeenHolder::length},
                                        {"h_revoked", nullptr, &SeenHolder::revoked},
                                        {"h_slots", &SeenRecord::slots, nullptr},
                                        {"h_start", nullptr, &SeenHolder::start},
                                        {"h_until", nullptr, &SeenHolder::expires_at},
                                        {"ok_end", &SeenRecord::ok_end, nullptr},
                                        {"ok_start", &SeenRecord::ok_start, nullptr},
                                        {"paused_for", &SeenRecord::paused_for, nullptr},
                                        {"paused_until", &SeenRecord::paused_until, nullptr},
                                        {"runs", &SeenRecord::runs, nullptr}}};

// A text that is not a number gives 0. The scripts report it.
std::int64_t number(const std::string& text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::vector<SeenHolder> SeenRecord::live(std::int64_t now) const {
  std::vector<SeenHolder> out;
  std::copy_if(holders.begin(), holders.end(), std::back_inserter(out),
               [&](const SeenHolder& holder) { return holder.expires_at > now; });
  return out;
}

const SeenHolder* SeenRecord::find(const std::string& token) const {
  const auto found =
      std::find_if(holders.begin(), holders.end(), [&](const SeenHolder& holder) { return holder.token == token; });
  return found == holders.end() ? nullptr : &*found;
}

SeenRecord SeenRecord::mended(std::int64_t now) const {
  SeenRecord out = *this;
  for (std::int64_t SeenRecord::*time :
       {&SeenRecord::ok_start, &SeenRecord::ok_end, &SeenRecord::ended, &SeenRecord::failed_at}) {
    out.*time = std::min(out.*time, now);
  }
  if (paused_for > 0) out.paused_until = std::min(paused_until, now + paused_for);
  for (SeenHolder& holder : out.holders) holder.expires_at = std::min(holder.expires_at, now + holder.length);
  return out;
}

SeenRecord SeenRecord::settled(std::int64_t now) const {
  SeenRecord out = *this;
  std::vector<SeenHolder> gone;
  std::copy_if(holders.begin(), holders.end(), std::back_inserter(gone),
               [&](const SeenHolder& holder) { return holder.expires_at <= now; });
  std::sort(gone.begin(), gone.end(), [](const SeenHolder& a, const SeenHolder& b) { return a.expires_at < b.expires_at; });
  for (const SeenHolder& holder : gone) {
    if (holder.expires_at >= out.ended) {
      out.ended = holder.expires_at;
      out.outcome = "lost";
      ++out.failures_in_a_row;
    }
  }
  out.holders = live(now);
  return out;
}

namespace {

std::map<std::string, std::string, std::less<>> fields_of(engine::embedded::Store& store, const std::string& key,
                                                          std::int64_t now) {
  const engine::embedded::KeyEntry* entry = store.entry(key);
  return entry == nullptr || entry->expires.value_or(now + 1) <= now ? decltype(entry->fields)() : entry->fields;
}

}  // namespace

SeenRecord look_at(engine::embedded::Store& store, const std::string& key, std::int64_t now) {
  SeenRecord record;
  SeenHolder one;
  bool has_slots = false;
  for (const auto& [name, value] : fields_of(store, "{sim}:job:" + key, now)) {
    if (name == "outcome") record.outcome = value;
    if (name == "h_token") one.token = value;
    if (name == "h_slots") has_slots = true;
    const auto field = std::lower_bound(fields.begin(), fields.end(), name,
                                        [](const Field& a, const std::string& b) { return a.name < b; });
    if (field == fields.end() || field->name != name) continue;
    (field->of_record != nullptr ? record.*field->of_record : one.*field->of_holder) = number(value);
  }
  if (!one.token.empty()) record.holders.push_back(one);
  if (!has_slots) return record;
  for (const auto& [token, value] : fields_of(store, "{sim}:slots:" + key, now)) {
    SeenHolder holder;
    holder.token = token;
    std::istringstream(value) >> holder.expires_at >> holder.length >> holder.fence >> holder.start >> holder.revoked;
    record.holders.push_back(holder);
  }
  return record;
}

SeenPause SeenPause::mended(std::int64_t now) const { return {length > 0 ? std::min(until, now + length) : until, length}; }

SeenPause look_at_pause(engine::embedded::Store& store) {
  SeenPause pause;
  for (const auto& [name, value] : fields_of(store, "{sim}:pause", 0)) {
    if (name == "paused_until") pause.until = number(value);
    if (name == "paused_for") pause.length = number(value);
  }
  return pause;
}

std::map<std::string, std::int64_t> expiries(engine::embedded::Store& store, const std::string& key) {
  std::map<std::string, std::int64_t> out;
  for (const char* kind : {"job", "runs", "slots", "starts", "once"}) {
    const auto* entry = store.entry("{sim}:" + std::string(kind) + ":" + key);
    if (entry != nullptr) out[kind] = entry->expires.value_or(0);
  }
  return out;
}

}  // namespace condolock::sim
