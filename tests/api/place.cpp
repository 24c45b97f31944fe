#include "api/place.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "engine/ask.hpp"
#include "engine/open.hpp"
#include "lock/verbs.hpp"

namespace api_test {

Place::Place() {
  const char* engine = std::getenv("CONDOLOCK_TEST_ENGINE");
  if (engine != nullptr && std::string(engine) == "file") {
    url_ = "file:" + directory_.path() + "/state";
  } else {
    server_.emplace();
    url_ = "unix://" + server_->socket();
  }
}

void Place::unlock(const std::string& key, bool at_once) const {
  const auto engine = condolock::engine::open(*condolock::engine::parse_url(url_));
  const auto reply =
      condolock::engine::ask(*engine, condolock::lock::unlock_call({"condolock", key}, at_once), condolock::Millis(5000));
  REQUIRE(condolock::lock::decode_unlock(reply).has_value());
}

}  // namespace api_test
