// A Store in memory, for tests and the simulation.
#pragma once

#include <map>
#include <set>

#include "engine/embedded/store.hpp"

namespace condolock::engine::embedded {

class MemoryStore final : public Store {
 public:
  // Copies the contents of another store.
  void assign(const MemoryStore& other) { contents_ = other.contents_; }

  void begin() override;
  void commit() override;
  void rollback() noexcept override;

  const KeyEntry* entry(std::string_view key) override;
  void set_entry(std::string_view key, KeyEntry entry) override;
  void erase(std::string_view key) override;
  std::optional<Item> get(std::string_view key, std::string_view name) override;
  void put(std::string_view key, const Item& item) override;
  void remove(std::string_view key, const Item& item) override;
  std::int64_t count(std::string_view key) override;
  std::vector<Item> range(std::string_view key, const Range& range) override;
  std::int64_t rank(std::string_view key, double score, std::string_view name) override;
  std::vector<std::string> keys() override;

 private:
  struct Content {
    KeyEntry entry;
    std::map<std::string, Item, std::less<>> items;
    std::set<std::pair<double, std::string>> by_score;  // score and name of each item
  };

  Content* find(std::string_view key);
  // Call before each change: saves the content for rollback(). Null if there is no such key.
  Content* touch(std::string_view key);

  std::map<std::string, Content, std::less<>> contents_;
  std::map<std::string, std::optional<Content>, std::less<>> before_;
};

}  // namespace condolock::engine::embedded
