"""Forms: POSTs in another format than ACR's, and the consent that some of their receivers give."""
