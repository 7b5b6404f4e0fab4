#include "lora/request_adapter.h"

#include <set>
#include <utility>

#include "core/error.h"

namespace amalgam::lora {

namespace {

constexpr std::int64_t most_rank = 4096;
constexpr std::int64_t most_side = std::int64_t{1} << 32;

void check_side(const core::SafetensorsReader& file, const core::TensorInfo& tensor, std::int64_t found,
                std::int64_t expected) {
  if (found == expected) return;
  throw core::Error("shape-mismatch",
                    "The factor's side is " + std::to_string(found) + ", not " + std::to_string(expected) + ".")
      .at_path(file.path())
      .at_tensor(tensor.name);
}

}  // namespace

RequestAdapter open_adapter(const Field& request) {
  RequestAdapter adapter{std::make_unique<core::SafetensorsReader>(request.at("weightsFile").text()), {}};
  const core::SafetensorsReader& file = *adapter.file;
  std::set<std::string> seen;
  for (const Field& module : request.at("modules").items()) {
    const FactorPair pair =
        find_factors(file, module.at("a").text(), module.at("b").text(), module.at("rank").integer(1, most_rank));
    check_side(file, *pair.a, pair.in(), module.at("in").integer(1, most_side));
    check_side(file, *pair.b, pair.out(), module.at("out").integer(1, most_side));
    const std::string& name = module.at("name").text();
    if (!seen.insert(name).second) throw module.refuse("names a module twice");
    adapter.modules.push_back({{name, pair.in(), pair.out()}, pair, module.at("scaling").number()});
  }
  return adapter;
}

int threads_of(const Field& request) {
  return static_cast<int>(request.at("threads").integer(1, most_request_threads));
}

}  // namespace amalgam::lora
