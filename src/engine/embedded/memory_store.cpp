#include "engine/embedded/memory_store.hpp"

namespace condolock::engine::embedded {

void MemoryStore::begin() { before_.clear(); }

void MemoryStore::commit() { before_.clear(); }

void MemoryStore::rollback() noexcept {
  for (auto& [key, content] : before_) {
    if (content) {
      contents_[key] = std::move(*content);
    } else {
      contents_.erase(key);
    }
  }
  before_.clear();
}

MemoryStore::Content* MemoryStore::find(std::string_view key) {
  const auto found = contents_.find(key);
  return found == contents_.end() ? nullptr : &found->second;
}

MemoryStore::Content* MemoryStore::touch(std::string_view key) {
  Content* content = find(key);
  if (before_.find(key) == before_.end()) {
    before_.emplace(key, content == nullptr ? std::nullopt : std::optional(*content));
  }
  return content;
}

const KeyEntry* MemoryStore::entry(std::string_view key) {
  const Content* content = find(key);
  return content == nullptr ? nullptr : &content->entry;
}

void MemoryStore::set_entry(std::string_view key, KeyEntry entry) {
  Content* content = touch(key);
  if (content == nullptr) content = &contents_[std::string(key)];
  content->entry = std::move(entry);
}

void MemoryStore::erase(std::string_view key) {
  touch(key);
  contents_.erase(contents_.find(key));
}

std::optional<Item> MemoryStore::get(std::string_view key, std::string_view name) {
  const Content* content = find(key);
  if (content == nullptr) return std::nullopt;
  const auto item = content->items.find(name);
  return item == content->items.end() ? std::nullopt : std::optional(item->second);
}

void MemoryStore::put(std::string_view key, const Item& item) {
  Content& content = *touch(key);
  const auto old = content.items.find(item.name);
  if (old != content.items.end()) content.by_score.erase({old->second.score, item.name});
  content.by_score.emplace(item.score, item.name);
  content.items[item.name] = item;
}

void MemoryStore::remove(std::string_view key, const Item& item) {
  Content& content = *touch(key);
  content.by_score.erase({item.score, item.name});
  content.items.erase(item.name);
}

std::int64_t MemoryStore::count(std::string_view key) {
  const Content* content = find(key);
  return content == nullptr ? 0 : static_cast<std::int64_t>(content->items.size());
}

std::int64_t MemoryStore::rank(std::string_view key, double score, std::string_view name) {
  const Content* content = find(key);
  if (content == nullptr) return 0;
  return std::distance(content->by_score.begin(), content->by_score.lower_bound({score, std::string(name)}));
}

std::vector<Item> MemoryStore::range(std::string_view key, const Range& range) {
  std::vector<Item> out;
  const Content* content = find(key);
  if (content == nullptr) return out;
  auto skip = range.skip;
  for (auto at = content->by_score.lower_bound({range.min, ""}); at != content->by_score.end(); ++at) {
    if (at->first > range.max) break;
    if (skip-- > 0) continue;
    if (range.limit >= 0 && static_cast<std::int64_t>(out.size()) == range.limit) break;
    out.push_back(content->items.find(at->second)->second);
  }
  return out;
}

std::vector<std::string> MemoryStore::keys() {
  std::vector<std::string> out;
  for (const auto& [key, content] : contents_) out.push_back(key);
  return out;
}

}  // namespace condolock::engine::embedded
