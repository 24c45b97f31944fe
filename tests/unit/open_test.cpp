#include "engine/open.hpp"

#include <doctest/doctest.h>

#include "engine/embedded/embedded_engine.hpp"
#include "engine/redis/redis_engine.hpp"
#include "support/temporary_directory.hpp"

using namespace condolock;

TEST_CASE("open: the scheme of a URL selects the engine") {
  for (const char* url : {"redis://db1", "valkey://db1:7000/2", "unix:///run/redis.sock"}) {
    const auto location = engine::parse_url(url);
    REQUIRE(location);
    CHECK(engine::kind_of(*location) == "redis");
    CHECK_FALSE(engine::unsupported(*location));
    CHECK_FALSE(engine::warning(*location));
    CHECK(dynamic_cast<engine::redis::RedisEngine*>(engine::open(*location).get()) != nullptr);
  }
  const support::TemporaryDirectory directory;
  const auto location = engine::parse_url("file:" + directory.path() + "/state");
  REQUIRE(location);
  CHECK(engine::kind_of(*location) == "file");
  CHECK(engine::shown(*location) == directory.path() + "/state");
  CHECK(dynamic_cast<engine::embedded::EmbeddedEngine*>(engine::open(*location).get()) != nullptr);
}

TEST_CASE("open: no text that is shown contains a password") {
  const auto location = engine::parse_url("redis://user:secret@db1:7000");
  REQUIRE(location);
  CHECK(engine::shown(*location) == "db1:7000");
  for (const char* url :
       {"redis://user:secret@", "redis+cluster://user:secret@db1/1", "nothing://user:secret@db1", "file:relative"}) {
    const auto wrong = engine::parse_url(url);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().text.find("secret") == std::string::npos);
    CHECK_FALSE(wrong.error().text.empty());
  }
}
