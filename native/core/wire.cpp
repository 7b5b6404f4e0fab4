#include "core/wire.h"

namespace amalgam::core {

Json to_json(const ProgressReport& report) {
  return Json::object({{"stage", report.stage},
                       {"done", report.done},
                       {"total", report.total},
                       {"unit", report.unit},
                       {"rate", report.rate},
                       {"etaSeconds", report.eta_seconds ? Json(*report.eta_seconds) : Json()}});
}

Json to_json(const Error& error) {
  Json json = Json::object({{"code", error.code}, {"message", error.what()}});
  if (!error.path.empty()) json.set("path", error.path);
  if (!error.tensor.empty()) json.set("tensor", error.tensor);
  if (!error.hint.empty()) json.set("hint", error.hint);
  return json;
}

}  // namespace amalgam::core
