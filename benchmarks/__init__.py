"""What does a request, a pull and a push cost us, beside the registries we replace?"""
