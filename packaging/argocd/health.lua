-- Argo CD's health of a DataCleaningPipeline: under resource.customizations.health.GROUP_DataCleaningPipeline in
-- argocd-cm (docs/kubernetes.md). Argo CD has the functions of Lua's base library only.
local function is(name, status)
  for _, each in ipairs(obj.status.conditions or {}) do
    if each.type == name then return each.status == status, each end
  end
  return false, nil
end

if obj.status == nil or obj.status.observedGeneration == nil
    or obj.status.observedGeneration < obj.metadata.generation then
  return { status = "Progressing", message = "the operator has not yet seen this change" }
end

local stalled, why = is("Stalled", "True")
if stalled then return { status = "Degraded", message = why.reason .. ": " .. why.message } end

local held, paused = is("Ready", "Unknown")
if held then return { status = "Suspended", message = paused.message } end

local degraded, failing = is("Degraded", "True")
if degraded then return { status = "Degraded", message = failing.reason .. ": " .. failing.message } end

local reconciling, out = is("Reconciling", "True")
if reconciling then return { status = "Progressing", message = out.message } end

local ready, how = is("Ready", "True")
if not ready then
  return { status = "Progressing", message = how and how.reason .. ": " .. how.message or "no condition Ready yet" }
end
if how.reason ~= "Running" then return { status = "Suspended", message = how.message } end
return { status = "Healthy", message = how.message }
