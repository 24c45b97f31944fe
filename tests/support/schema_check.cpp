// schema_check SCHEMA: checks each line of its input against a JSON Schema. Exits with 0 if there is at least one line and
// all are valid.
#include <exception>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

namespace {

int check(const char* path) {
  using Adapter = valijson::adapters::NlohmannJsonAdapter;
  const auto document = nlohmann::json::parse(std::ifstream(path));
  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(Adapter(document), schema);
  int lines = 0;
  bool good = true;
  for (std::string line; std::getline(std::cin, line); ++lines) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    valijson::Validator validator;
    if (!json.is_discarded() && validator.validate(schema, Adapter(json), nullptr)) continue;
    good = false;
    std::cerr << "not by the schema: " << line << '\n';
  }
  return good && lines > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  try {
    return check(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 70;
  }
}
