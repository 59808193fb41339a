-- The judgement of the module as somebody would write it for
-- ngx_http_lua_module: a Lua module, loaded once, called by access_by_lua.

local bit = require "bit"
local cjson = require "cjson.safe"
local ffi = require "ffi"

local ngx = ngx
local find = string.find
local type = type

local _M = {}

local key = "s3cr3t-of-the-plugin"

local secrets = { [key] = true }

local uuid = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}"
             .. "-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

local slug = "^[A-Za-z0-9_-]{1,50}$"


local function is_uuid(value)
    return type(value) == "string" and ngx.re.find(value, uuid, "jo") ~= nil
end

local function is_slug(value)
    return type(value) == "string" and ngx.re.find(value, slug, "jo") ~= nil
end

local function is_string(value)
    return type(value) == "string" and value ~= ""
end

local function is_identifier(value)
    return is_string(value)
           or type(value) == "number" and value % 1 == 0
end

local function is_boolean(value)
    return type(value) == "boolean"
end

local function is_any(value)
    return value ~= nil
end


local luzmo = {
    data_available = { slug = is_slug, user_id = is_uuid, key = is_uuid },
    data_updated = { slug = is_slug, user_id = is_uuid, key = is_uuid,
                     dataset_id = is_string },
    account_deleted = { slug = is_slug, user_id = is_uuid, key = is_uuid },
}

local envelope = {
    workspace_id = function(v) return type(v) == "string" end,
    customer_id = function(v) return type(v) == "string" or v == cjson.null end,
    event = is_string,
    state = is_any,
    payload = function(v) return type(v) == "table" end,
}

local munity = {
    webhook_test = { test = is_boolean },
    integration_new_data_model = {
        id = is_identifier, resource_id = is_identifier, type = is_string,
    },
    integration_updated_data_model = {
        id = is_identifier, resource_id = is_identifier, type = is_string,
        diff = is_any, data = is_any,
    },
    integration_deleted_data_model = {
        id = is_identifier, resource_id = is_identifier, type = is_string,
    },
    integration_installed = {
        id = is_identifier, connector_type = is_string,
        metadata = is_any, state = is_any,
    },
    integration_import_done = {
        id = is_identifier, connector_type = is_string,
    },
    integration_cannot_refresh_oauth_token = {
        id = is_identifier, error = is_any,
    },
    integration_oauth_token_fixed = { id = is_identifier },
}


local function refuse(status, reason, field)
    ngx.status = status
    ngx.header.content_type = "application/json"
    ngx.print(cjson.encode({ message = reason, reason = reason,
                             field = field }))
    return ngx.exit(status)
end


local function check(object, members)
    for name, valid in pairs(members) do
        local value = object[name]

        if value == nil then
            return refuse(400, "missing_field", name)
        end

        if not valid(value) then
            return refuse(400, "invalid_field", name)
        end
    end
end


local function post()
    if ngx.req.get_method() ~= "POST" then
        ngx.header.allow = "POST"
        return refuse(405, "method_not_allowed")
    end
end


local function read()
    ngx.req.read_body()

    local body = ngx.req.get_body_data()

    if not body then
        local name = ngx.req.get_body_file()

        if not name then
            return refuse(400, "empty_body")
        end

        local file = io.open(name, "rb")
        body = file:read("*a")
        file:close()
    end

    return body
end


-- method, secret, media type and body; returns the decoded body

local function begin()
    post()

    local secret = ngx.var.http_x_secret

    if not secret then
        return refuse(401, "missing_secret")
    end

    if not secrets[secret] then
        return refuse(401, "invalid_secret")
    end

    local content_type = ngx.var.content_type

    if not content_type
        or not find(content_type, "^application/json")
    then
        return refuse(415, "unsupported_media_type")
    end

    local payload = cjson.decode(read())

    if type(payload) ~= "table" then
        return refuse(400, "invalid_json")
    end

    return payload
end


function _M.luzmo()
    local members = luzmo[ngx.var.uri:match("([^/]*)$")]

    if not members then
        return refuse(404, "unknown_event")
    end

    check(begin(), members)
end


function _M.munity()
    local event = begin()

    check(event, envelope)

    local members = munity[event.event]

    if not members then
        return refuse(400, "unknown_event", "event")
    end

    check(event.payload, members)
end


-- GitHub's signature; the module itself knows HMAC with SHA-1 only, and libcrypto
-- is there

ffi.cdef [[
    typedef struct evp_md_st EVP_MD;
    const EVP_MD *EVP_sha256(void);
    unsigned char *HMAC(const EVP_MD *evp_md, const void *key, int key_len,
                        const char *d, size_t n, unsigned char *md,
                        unsigned int *md_len);
]]

local mac = ffi.new("unsigned char[32]")

function _M.signed()
    post()

    local signature = ngx.var.http_x_hub_signature_256

    if not signature then
        return refuse(401, "missing_signature")
    end

    local body = read()

    ffi.C.HMAC(ffi.C.EVP_sha256(), key, #key, body, #body, mac, nil)

    local hex = {}

    for i = 0, 31 do
        hex[i + 1] = bit.tohex(mac[i], 2)
    end

    if signature ~= "sha256=" .. table.concat(hex) then
        return refuse(401, "invalid_signature")
    end
end


return _M
