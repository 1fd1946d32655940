// What Ory Kratos sends when a password was changed: docs/connect/kratos.md.
// Fits selfservice.flows.settings.after.password.hooks, and .after.hooks as well: there it stays
// silent for what is no password. Kratos has no function for "now"; the identity's last change,
// or the flow's begin where that is older, is when it happened.

local field(object, name) =
  if std.isObject(object) && std.objectHas(object, name) then object[name] else null;

local text(value) = if std.isString(value) && value != '' then value else null;

local full_name(name) =
  if !std.isObject(name) then text(name)
  else
    local parts = [part for part in [text(field(name, 'first')), text(field(name, 'last'))] if part != null];
    text(std.join(' ', parts));

local first(list) = if std.length(list) > 0 then list[0] else null;

local later(one, other) =
  if text(one) == null then other else if text(other) == null || one > other then one else other;

function(ctx)
  local identity = ctx.identity;
  local traits = field(identity, 'traits');
  local addresses = field(identity, 'verifiable_addresses');
  local verified = [
    address.value
    for address in if std.isArray(addresses) then addresses else []
    if field(address, 'via') == 'email' && field(address, 'verified') == true
  ];
  // Change this line where your schema keeps the address elsewhere.
  local told = text(field(traits, 'email'));
  local email = if std.member(verified, told) || std.length(verified) == 0 then told else first(verified);
  local changed_at = later(field(identity, 'updated_at'), field(ctx.flow, 'issued_at'));
  local headers = field(ctx, 'request_headers');
  local header(name) =
    local values = field(headers, name);
    if std.isArray(values) then text(first(values)) else null;

  if field(ctx.flow, 'active') != null && ctx.flow.active != 'password' then error 'cancel'
  else {
    // Counts only where emit_analytics_event is off: otherwise Kratos names each run of the hook.
    id: 'kratos/' + ctx.flow.id + '/' + changed_at,
    type: 'iam.user.password_changed.v1',
    org_id: text(field(identity, 'organization_id')),
    user: {
      id: identity.id,
      email: email,
      email_verified: if email == null then null else std.member(verified, email),
      display_name: full_name(field(traits, 'name')),
      login_name: text(field(traits, 'username')),
      locale: text(field(traits, 'locale')),
    },
    occurred_at: changed_at,
    change: 'unknown',  // a recovery ends in the same flow
    actor: { kind: 'user', id: identity.id },
    context: { ip: header('True-Client-Ip'), user_agent: header('User-Agent') },
  }
