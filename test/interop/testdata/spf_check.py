# Evaluates SPF policies with pyspf. Arguments: address and port of a name server. Each line
# of the standard input is a JSON object with ip, sender and helo; for each a line with the
# result and the explanation is printed. The result is "exception" where pyspf breaks off.
import json
import sys

import dns.name
import dns.resolver
import spf

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [sys.argv[1]]
resolver.port = int(sys.argv[2])
resolver.search = []
resolver.domain = dns.name.root
resolver.lifetime = 60
dns.resolver.default_resolver = resolver

for line in sys.stdin:
    q = json.loads(line)
    try:
        result, explanation = spf.check2(i=q["ip"], s=q["sender"], h=q["helo"], receiver="mx.mox.example", timeout=60, querytime=0)
    except Exception as e:
        result, explanation = "exception", repr(e)
    print(json.dumps({"result": result, "explanation": explanation}))
