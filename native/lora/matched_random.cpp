#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "core/safetensors.h"
#include "core/thread_pool.h"
#include "lora/factors.h"
#include "lora/request_adapter.h"
#include "lora/similarity.h"

namespace amalgam::lora {

namespace {

using core::Json;
using core::SafetensorsReader;
using core::SafetensorsWriter;
using core::TensorInfo;

/// Count, mean and sum of squared differences from the mean, joined piece by piece (Chan, Golub and LeVeque 1983).
class Spread {
 public:
  void add(const float* data, std::int64_t count) {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += data[i];
    const double mean = sum / static_cast<double>(count);
    double squares = 0;
    for (std::int64_t i = 0; i < count; ++i) squares += (data[i] - mean) * (data[i] - mean);
    const double before = static_cast<double>(count_);
    const auto added = static_cast<double>(count);
    const double difference = mean - mean_;
    mean_ += difference * added / (before + added);
    squares_ += squares + difference * difference * before * added / (before + added);
    count_ += count;
  }

  /// With divisor n - 1; 0 for a single number.
  double deviation() const { return count_ < 2 ? 0 : std::sqrt(squares_ / static_cast<double>(count_ - 1)); }

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

struct Deviations {
  double a = 0;
  double b = 0;
};

/// A module by its name and the adapters that have it.
struct Stack {
  std::string name;
  struct Member {
    std::size_t adapter;
    const RequestModule* module;
  };
  std::vector<Member> members;
  Deviations deviations;
};

void add_tensor(const SafetensorsReader& file, const TensorInfo& tensor, Spread& spread,
                const core::CancelToken& cancel) {
  core::Matrix<float> piece(rows_per_piece(tensor), tensor.row_length());
  for_row_pieces(tensor, cancel, [&](std::int64_t row, std::int64_t rows) {
    const std::int64_t count = rows * tensor.row_length();
    file.read_f32(tensor, row, rows, piece.data());
    const std::int64_t index = first_non_finite(piece.data(), count);
    if (index < count) throw not_finite(file, tensor, row * tensor.row_length() + index, piece.data()[index]);
    spread.add(piece.data(), count);
  });
}

void write_tensor(SafetensorsWriter& writer, const TensorInfo& tensor, const core::RandomStream& stream,
                  double deviation, const core::CancelToken& cancel) {
  core::Matrix<float> piece(rows_per_piece(tensor), tensor.row_length());
  for_row_pieces(tensor, cancel, [&](std::int64_t row, std::int64_t rows) {
    const std::int64_t first = row * tensor.row_length();
    const std::int64_t count = rows * tensor.row_length();
    for (std::int64_t i = 0; i < count; ++i) {
      const double number = deviation * stream.normal_at(static_cast<std::uint64_t>(first + i));
      piece.data()[i] = static_cast<float>(number);
    }
    writer.write_f32(tensor.name, row, rows, piece.data());
  });
}

/// Runs work(i) for i from 0 to count, as threads come free, until one throws.
template <typename Work>
void for_each(core::ThreadPool& pool, std::size_t count, Work work) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  pool.parallel_for(pool.threads(), [&](std::int64_t, std::int64_t, int) {
    try {
      for (std::size_t i = 0; !failed && (i = next.fetch_add(1)) < count;) work(i);
    } catch (...) {
      failed = true;
      throw;
    }
  });
}

class MatchedRandom {
 public:
  explicit MatchedRandom(const Field& root) : seed_(static_cast<std::uint64_t>(root.at("seed").integer(0, most_seed))) {
    for (const Field& adapter : root.at("adapters").some_items()) {
      adapters_.push_back(open_adapter(adapter));
      out_files_.push_back(adapter.at("outFile").text());
    }
    std::map<std::string, Stack> stacks;
    for (std::size_t i = 0; i < adapters_.size(); ++i) {
      for (const RequestModule& module : adapters_[i].modules) {
        Stack& stack = stacks[module.key.name];
        stack.name = module.key.name;
        stack.members.push_back({i, &module});
      }
    }
    for (auto& [name, stack] : stacks) stacks_.push_back(std::move(stack));
  }

  Json run(int threads, core::Progress& progress, const core::CancelToken& cancel) {
    core::ThreadPool pool(threads);
    const auto total = static_cast<std::int64_t>(stacks_.size());
    progress.stage("measuring", total, "modules");
    for_each(pool, stacks_.size(), [&](std::size_t i) {
      measure(stacks_[i], cancel);
      progress.advance(1);
    });
    for (const RequestAdapter& adapter : adapters_) adapter.file->check_unchanged();
    open_writers();
    progress.stage("writing", total, "modules");
    for_each(pool, stacks_.size(), [&](std::size_t i) {
      for (const Stack::Member& member : stacks_[i].members) write(stacks_[i], member, cancel);
      progress.advance(1);
    });
    for (const auto& writer : writers_) writer->finish();
    return result();
  }

 private:
  static constexpr std::int64_t most_seed = (std::int64_t{1} << 53) - 1;

  static void measure(Stack& stack, const core::CancelToken& cancel) {
    Spread a;
    Spread b;
    for (const auto& [adapter, module] : stack.members) {
      const FactorPair& factors = module->factors;
      add_tensor(*factors.file, *factors.a, a, cancel);
      add_tensor(*factors.file, *factors.b, b, cancel);
    }
    stack.deviations = {a.deviation(), b.deviation()};
  }

  void open_writers() {
    for (std::size_t i = 0; i < adapters_.size(); ++i) {
      std::vector<core::TensorPlan> plan;
      for (const RequestModule& module : adapters_[i].modules) {
        for (const TensorInfo* tensor : {module.factors.a, module.factors.b}) {
          plan.push_back({tensor->name, core::DType::F32, tensor->shape});
        }
      }
      writers_.push_back(
          std::make_unique<SafetensorsWriter>(out_files_[i], std::move(plan), core::Metadata{{"format", "pt"}}));
    }
  }

  void write(const Stack& stack, const Stack::Member& member, const core::CancelToken& cancel) {
    const auto stream = [&](const char* factor) {
      return core::RandomStream(seed_, std::string("matched-random ") + factor + " " + std::to_string(member.adapter) +
                                           " " + stack.name);
    };
    const FactorPair& factors = member.module->factors;
    SafetensorsWriter& writer = *writers_[member.adapter];
    write_tensor(writer, *factors.a, stream("A"), stack.deviations.a, cancel);
    write_tensor(writer, *factors.b, stream("B"), stack.deviations.b, cancel);
  }

  Json result() const {
    Json rows = Json::array();
    for (const Stack& stack : stacks_) {
      rows.push(Json::object(
          {{"name", stack.name}, {"deviationA", stack.deviations.a}, {"deviationB", stack.deviations.b}}));
    }
    return Json::object({{"modules", std::move(rows)}});
  }

  std::uint64_t seed_;
  std::vector<RequestAdapter> adapters_;
  std::vector<std::string> out_files_;
  std::vector<Stack> stacks_;  ///< in the order of their names
  std::vector<std::unique_ptr<SafetensorsWriter>> writers_;
};

}  // namespace

Json run_matched_random(const Json& request, core::Progress& progress, const core::CancelToken& cancel) {
  const Field root(request, "");
  const int threads = threads_of(root);
  return MatchedRandom(root).run(threads, progress, cancel);
}

}  // namespace amalgam::lora
