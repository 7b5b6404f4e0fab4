#include "merge/request.h"

#include <algorithm>
#include <tuple>
#include <variant>

#include "core/error.h"
#include "core/random.h"

namespace amalgam::merge {

namespace {

using lora::Field;

// Sizes that no model comes near; they keep products of sizes within 64 bits.
constexpr std::int64_t largest_side = std::int64_t{1} << 28;
constexpr std::int64_t largest_source_rank = 4096;
constexpr std::int64_t largest_output_rank = std::int64_t{1} << 20;
constexpr std::int64_t most_threads = 1024;

SourceRequest read_source(const Field& source, std::int64_t adapters) {
  return {
      .adapter = static_cast<int>(source.at("adapter").integer(0, adapters - 1)),
      .a = source.at("a").text(),
      .b = source.at("b").text(),
      .rank = source.at("rank").integer(1, largest_source_rank),
      .scaling = source.at("scaling").number(),
      .coefficient = source.at("coefficient").number(),
  };
}

ModuleRequest read_module(const Field& module, std::int64_t adapters, std::int64_t output_rank) {
  ModuleRequest result{
      .name = module.at("name").text(),
      .in = module.at("in").integer(1, largest_side),
      .out = module.at("out").integer(1, largest_side),
      .rank = module.at("rank").integer(whole_rank, output_rank),
      .output_a = module.at("outputA").text(),
      .output_b = module.at("outputB").text(),
      .sources = {},
      .seed = 0,
  };
  if (result.rank == 0) throw module.at("rank").refuse("must be -1 (all of it) or at least 1");
  for (const Field& source : module.at("sources").some_items()) result.sources.push_back(read_source(source, adapters));
  return result;
}

std::vector<std::string> read_content_hashes(const std::vector<Field>& adapters) {
  std::vector<std::string> hashes;
  for (const Field& adapter : adapters) {
    const Field hash = adapter.at("contentHash");
    hashes.push_back(hash.value().as_string(hash.name()));
  }
  return hashes;
}

/// By content hash; the same adapter more than once by what is done with it.
void sort_by_content(std::vector<SourceRequest>& sources, const std::vector<std::string>& content_hashes) {
  const auto key = [&](const SourceRequest& source) {
    return std::tie(content_hashes[static_cast<std::size_t>(source.adapter)], source.a, source.b, source.scaling,
                    source.coefficient);
  };
  std::stable_sort(sources.begin(), sources.end(), [&](const SourceRequest& one, const SourceRequest& other) {
    return key(one) < key(other);
  });
}

void check_word(const Field& field, std::string_view expected) {
  if (field.text() != expected) {
    throw field.refuse("must be \"" + std::string(expected) + "\", not \"" + field.text() + "\"");
  }
}

}  // namespace

MergeRequest read_merge_job(const Field& job) {
  job.at("schema").integer(1, 1);
  check_word(job.at("kind"), "merge");
  check_word(job.at("device"), "cpu");
  const std::vector<Field> adapters = job.at("adapters").some_items();
  const Field params = job.at("params");
  methods::ParamSource param_source{params.value(), {}};
  std::vector<std::string> weights_files;
  for (const Field& adapter : adapters) {
    weights_files.push_back(adapter.at("weightsFile").text());
    param_source.adapters.push_back(&adapter.at("params").value());
  }
  const Field output = job.at("output");
  MergeRequest request{
      .method = methods::bind_method(job.at("method").text(), param_source),
      .weights_files = std::move(weights_files),
      .modules = {},
      .output_dtype = core::dtype_from_job_name(output.at("dtype").text()),
      .output_rank = output.at("rank").integer(1, largest_output_rank),
  };
  for (const Field& module : job.at("modules").some_items()) {
    request.modules.push_back(read_module(module, static_cast<std::int64_t>(adapters.size()), request.output_rank));
  }
  if (std::holds_alternative<methods::Cluster>(request.method.rule)) {
    const auto seed = static_cast<std::uint64_t>(job.at("seed").integer(0, INT64_MAX));
    const std::vector<std::string> content_hashes = read_content_hashes(adapters);
    for (ModuleRequest& module : request.modules) {
      module.seed = core::RandomStream(seed, module.name).next();
      sort_by_content(module.sources, content_hashes);
    }
  }
  return request;
}

int read_threads(const Field& threads) { return static_cast<int>(threads.integer(1, most_threads)); }

}  // namespace amalgam::merge
