-- What an ALB does to a request and Envoy's routes cannot express. CLIENTS, set before this text, is how the listener
-- validates the certificates of clients (off, passthrough, verify). The route's metadata says what is wanted:
--   version:  protocol version of the target group; requests of another kind get 464
--   forwarded_for: what becomes of X-Forwarded-For (append, preserve, remove); client_port: "true" to append the port too
--   redirect: the members of a redirect action, keywords not yet resolved; known: those keywords that are fixed
local REASONS = { ["301"] = "301 Moved Permanently", ["302"] = "302 Found" }

local function hexadecimal(digits)
  local made = {}
  for index = 1, digits do
    made[index] = string.format("%x", math.random(0, 15))
  end
  return table.concat(made)
end

local function trace(headers)
  local root = string.format("1-%08x-%s", os.time(), hexadecimal(24))
  local given = headers:get("x-amzn-trace-id")
  if given and given:find("Root=", 1, true) then
    headers:replace("x-amzn-trace-id", "Self=" .. root .. ";" .. given)
  else
    headers:replace("x-amzn-trace-id", "Root=" .. root)
  end
end

-- Envoy itself would write the machine's own address for a client on loopback.
local function forward_for(metadata, stream, headers)
  local mode = metadata:get("forwarded_for")
  if mode == "remove" then
    headers:remove("x-forwarded-for")
  elseif mode == "append" then
    local client = stream:downstreamRemoteAddress()
    if metadata:get("client_port") ~= "true" then
      client = client:gsub(":%d+$", "")
    end
    local given = headers:get("x-forwarded-for")
    headers:replace("x-forwarded-for", given and given .. ", " .. client or client)
  end
end

-- The form of the certificate that a load balancer hands on: URL-encoded PEM with +=/ as safe characters.
local function handed_on(pem)
  return (pem:gsub("%%2B", "+"):gsub("%%2F", "/"):gsub("%%3D", "="))
end

local function moment(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
end

-- What a load balancer says of the client's certificate (user guide, "HTTP headers and mutual TLS"); nobody else may.
local function tell_of_client(stream, headers)
  for _, name in ipairs({ "", "-serial-number", "-issuer", "-subject", "-validity", "-leaf" }) do
    headers:remove("x-amzn-mtls-clientcert" .. name)
  end
  local client = stream:downstreamSslConnection()
  if not (client and client:peerCertificatePresented()) then
    return
  end
  if CLIENTS == "passthrough" then
    headers:add("x-amzn-mtls-clientcert", handed_on(client:urlEncodedPemEncodedPeerCertificateChain()))
    return
  end
  headers:add("x-amzn-mtls-clientcert-serial-number", client:serialNumberPeerCertificate():upper())
  headers:add("x-amzn-mtls-clientcert-issuer", client:issuerPeerCertificate())
  headers:add("x-amzn-mtls-clientcert-subject", client:subjectPeerCertificate())
  headers:add("x-amzn-mtls-clientcert-validity", "NotBefore=" .. moment(client:validFromPeerCertificate())
    .. ";NotAfter=" .. moment(client:expirationPeerCertificate()))
  headers:add("x-amzn-mtls-clientcert-leaf", handed_on(client:urlEncodedPemEncodedPeerCertificate()))
end

local function unfit(version, protocol, headers)
  local grpc = (headers:get("content-type") or ""):find("^application/grpc") ~= nil
  if version == "HTTP1" then
    return grpc
  end
  if protocol ~= "HTTP/2" then
    return true
  end
  return version == "GRPC" and not (grpc and headers:get(":method") == "POST")
end

local function location(redirect, known, headers)
  local path, query = headers:get(":path"):match("^([^?]*)%??(.*)$")
  local host = headers:get(":authority"):gsub(":%d+$", "")
  local keywords = { protocol = known.protocol, port = known.port, host = host, path = path:gsub("^/", ""), query = query }
  local function resolved(text)
    return (text:gsub("#{(%w+)}", keywords))
  end
  local rest = resolved(redirect.Query)
  return resolved(redirect.Protocol):lower() .. "://" .. resolved(redirect.Host) .. ":" .. resolved(redirect.Port)
    .. resolved(redirect.Path) .. (rest ~= "" and "?" .. rest or "")
end

function envoy_on_request(handle)
  local headers, metadata = handle:headers(), handle:metadata()
  local version, redirect = metadata:get("version"), metadata:get("redirect")
  if redirect then
    local reason = REASONS[redirect.Status]
    local page = "<html>\r\n<head><title>" .. reason .. "</title></head>\r\n<body>\r\n<center><h1>" .. reason
      .. "</h1></center>\r\n</body>\r\n</html>\r\n"
    handle:respond({ [":status"] = redirect.Status, ["content-type"] = "text/html",
                     ["location"] = location(redirect, metadata:get("known"), headers) }, page)
  elseif version and unfit(version, handle:streamInfo():protocol(), headers) then
    handle:respond({ [":status"] = "464" }, "")
  else
    trace(headers)
    forward_for(metadata, handle:streamInfo(), headers)
    if CLIENTS ~= "off" then
      tell_of_client(handle:streamInfo(), headers)
    end
  end
end
