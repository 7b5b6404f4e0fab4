#include "learn/checkpoint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/replace_file.h"

namespace amalgam::learn {

namespace {

using core::Error;
using core::Json;

/// Members of a request that change no bit of the result.
constexpr std::array<std::string_view, 8> not_compared{
    "threads", "memoryBytes", "recompute", "checkpointFolder", "checkpointEvery", "stopFile", "journalFile", "outFile"};

std::string compared_part(const Json& request) {
  Json part = Json::object({});
  for (const auto& [key, value] : request.as_object("request")) {
    if (std::ranges::find(not_compared, key) == not_compared.end()) part.set(key, value);
  }
  return part.dump();
}

double number_or_nan(const Json& number, std::string_view key) {
  return number.is_null() ? std::numeric_limits<double>::quiet_NaN() : number.as_number(key);
}

Error invalid(const std::string& path, const std::string& what) {
  return Error("checkpoint-invalid", "The checkpoint " + what + ".")
      .at_path(path)
      .with_hint("Begin anew in another folder, or remove this one.");
}

std::string metadata_of(const core::SafetensorsReader& file, std::string_view key) {
  for (const auto& [name, text] : file.metadata()) {
    if (name == key) return text;
  }
  throw invalid(file.path(), "has no " + std::string(key));
}

core::SafetensorsReader open_checkpoint(const std::string& path) {
  try {
    return core::SafetensorsReader(path);
  } catch (const Error& error) {
    throw invalid(path, std::string("is damaged: ") + error.what());
  }
}

}  // namespace

Json finite_or_null(double number) { return std::isfinite(number) ? Json(number) : Json(); }

Json LearnState::to_json() const {
  Json groups = Json::array();
  for (const auto& [group, entropy] : group_starts) groups.push(Json::array({group, entropy}));
  return Json::object({{"step", step},
                       {"validated", validated},
                       {"startLoss", finite_or_null(start_loss)},
                       {"lastLoss", finite_or_null(last_loss)},
                       {"chosenLoss", finite_or_null(chosen_loss)},
                       {"chosenStep", chosen_step},
                       {"firstTrainLoss", first_train_loss ? Json(*first_train_loss) : Json()},
                       {"groupStarts", std::move(groups)},
                       {"tokens", tokens},
                       {"seconds", seconds},
                       {"journalBytes", journal_bytes}});
}

LearnState LearnState::from_json(const Json& json) {
  LearnState state;
  state.step = json.get_int("step");
  state.validated = json.get_int("validated");
  state.start_loss = number_or_nan(json.at("startLoss"), "startLoss");
  state.last_loss = number_or_nan(json.at("lastLoss"), "lastLoss");
  state.chosen_loss = number_or_nan(json.at("chosenLoss"), "chosenLoss");
  state.chosen_step = json.get_int("chosenStep");
  if (!json.at("firstTrainLoss").is_null()) state.first_train_loss = json.get_number("firstTrainLoss");
  for (const Json& pair : json.get_array("groupStarts")) {
    const Json::Array& parts = pair.as_array("groupStarts");
    state.group_starts[parts.at(0).as_int("groupStarts")] = parts.at(1).as_number("groupStarts");
  }
  state.tokens = json.get_int("tokens");
  state.seconds = json.get_number("seconds");
  state.journal_bytes = static_cast<std::uint64_t>(json.get_int("journalBytes"));
  return state;
}

std::string factor_in_checkpoint(std::size_t adapter, std::size_t module, bool is_b) {
  return std::to_string(adapter) + "." + std::to_string(module) + (is_b ? ".b" : ".a");
}

SavedCheckpoint::SavedCheckpoint(const std::string& path, const std::string& request) : file_(open_checkpoint(path)) {
  if (metadata_of(file_, "request") != request) throw invalid(path, "belongs to a job with another request");
  try {
    state_ = LearnState::from_json(Json::parse(metadata_of(file_, "state")));
  } catch (const Error& error) {
    throw invalid(path, std::string("is damaged: ") + error.what());
  }
}

core::Matrix<float> SavedCheckpoint::tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const {
  const core::TensorInfo* tensor = file_.find(name);
  if (tensor == nullptr || tensor->dtype != core::DType::F32 || tensor->shape != std::vector{rows, cols}) {
    throw invalid(file_.path(), "has no " + name + " of the right shape");
  }
  core::Matrix<float> numbers(rows, cols);
  file_.read_raw(*tensor, 0, numbers.bytes(), numbers.data());
  return numbers;
}

CheckpointFolder::CheckpointFolder(const std::string& folder, const Json& request)
    : path_(folder + "/checkpoint.safetensors"), request_(compared_part(request)) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw core::write_error(failure.value(), folder);
}

std::unique_ptr<SavedCheckpoint> CheckpointFolder::load() const {
  if (!std::filesystem::exists(path_)) return nullptr;
  return std::make_unique<SavedCheckpoint>(path_, request_);
}

void CheckpointFolder::save(const LearnState& state, const std::vector<CheckpointTensor>& tensors) const {
  std::vector<core::TensorPlan> plan;
  for (const CheckpointTensor& tensor : tensors) {
    plan.push_back({tensor.name, core::DType::F32, {tensor.rows, tensor.cols}});
  }
  core::replace_file(path_, [&](const std::string& temporary) {
    core::SafetensorsWriter writer(temporary, plan, {{"request", request_}, {"state", state.to_json().dump()}});
    for (const CheckpointTensor& tensor : tensors) writer.write_raw(tensor.name, tensor.read().data());
    writer.finish();
  });
}

}  // namespace amalgam::learn
