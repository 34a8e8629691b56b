// Reading a service provider's metadata (SAML 2.0 Metadata, section 2.4.4).

import { DOMParser } from "@xmldom/xmldom";

const METADATA = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURES = "http://www.w3.org/2000/09/xmldsig#";

/** What an identity provider must know of the one it answers. */
export async function readMetadata(address) {
    const answer = await fetch(address, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`${address} answers ${answer.status}: ${await answer.text()}`);
    return parse(await answer.text());
}

function parse(xml) {
    const document = new DOMParser().parseFromString(xml, "text/xml");
    const all = (namespace, name) => Array.from(document.getElementsByTagNameNS(namespace, name));
    const [entity] = all(METADATA, "EntityDescriptor");
    const [descriptor] = all(METADATA, "SPSSODescriptor");
    const location = (name) => all(METADATA, name)[0]?.getAttribute("Location") ?? undefined;
    const [certificate] = all(SIGNATURES, "X509Certificate");
    if (!entity || !descriptor) throw new Error("this is no service provider's metadata");
    return {
        audience: entity.getAttribute("entityID"),
        acs: location("AssertionConsumerService"),
        slo: location("SingleLogoutService"),
        signsRequests: descriptor.getAttribute("AuthnRequestsSigned") === "true",
        certificate: certificate && pem(certificate.textContent),
    };
}

function pem(base64) {
    const lines = base64.replace(/\s/g, "").match(/.{1,64}/g);
    return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
