package Answers;

# What tests expect as an answer: from an upstream that shows the request it
# got, from the module about what it refuses, from nginx about its own errors.
#
#     use Answers qw(echo luzmo page);
#
#     our $Upstream = echo(text => '"$request_method\n$request_body"');
#     our $Missing = luzmo('missing_secret');
#     our $Short = luzmo(400, 'slug is required', 'missing_field',
#                        field => 'slug');
#
# luzmo(), problem() and lenra() return the body of a refusal as the systems
# have it; problem() is RFC 9457's, of all systems but those two.  Arguments are
# the status, the message and the reason, or only a reason of %Told, which has
# one status and one message.  Further members follow as names and values.
# refused(luzmo => ...) returns "<status> <body>" of the same.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(echo luzmo problem lenra refused page);

my %Phrase = (
    400 => 'Bad Request',
    401 => 'Unauthorized',
    403 => 'Forbidden',
    404 => 'Not Found',
    405 => 'Method Not Allowed',
    409 => 'Conflict',
    415 => 'Unsupported Media Type',
    503 => 'Service Unavailable',
);

my %Told = (
    missing_secret => [401, 'the header with the secret is missing'],
    invalid_secret => [401, 'the secret is not valid'],
    missing_signature => [401, 'a header of the signature is missing'],
    invalid_signature => [401, 'the signature is not valid'],
    stale_signature => [401, 'the timestamp of the signature is too old or too '
                             . 'new'],
    wrong_plugin => [403, 'slug is not the plugin that the secret belongs to'],
    unknown_event => [404, 'the path names no event'],
    method_not_allowed => [405, 'the method is not one of those in Allow'],
    unsupported_media_type => [415, 'Content-Type must be application/json'],
    unsupported_encoding => [415, 'Content-Encoding is not supported'],
    empty_body => [400, 'the body is empty'],
    invalid_json => [400, 'the body is not valid JSON'],
    store_failed => [503, 'it could not be made durable'],
);


# A server that answers with what it got.  All is optional:
#
#     text     what "return" answers with: $request_body
#     port     $TEST_NGINX_PORT_1
#     server   more directives of the server
#     shown    more directives of the location that answers

sub echo {
    my %with = (text => '$request_body', port => '$TEST_NGINX_PORT_1',
                server => '', shown => '', @_);

    # The mirror makes nginx read the body, so that $request_body is known.
    # Then it looks for a file, and finds none.
    return <<"END";
    server {
        listen 127.0.0.1:$with{port};
        client_max_body_size 8m;
        client_body_buffer_size 8m;
        large_client_header_buffers 4 64k;
        log_not_found off;
        $with{server}

        location / {
            mirror /mirror;
            error_page 404 =200 \@echo;
        }

        location = /mirror {
            return 204;
        }

        location \@echo {
            $with{shown}
            return 200 $with{text};
        }
    }
END
}


# Status, message and reason, and the text of the members that follow.
sub told {
    my ($status, $message, $reason) = $Told{$_[0]} ? (@{$Told{$_[0]}}, shift)
                                                   : splice @_, 0, 3;
    my $more = '';

    while (my ($name, $value) = splice @_, 0, 2) {
        $value = qq("$value") if $value !~ /^\d+$/;
        $more .= qq(,"$name":$value);
    }

    return ($status, $message, $reason, $more);
}

sub luzmo {
    my ($status, $message, $reason, $more) = told(@_);

    return qq({"type":{"code":$status,"description":"$Phrase{$status}"},)
           . qq("message":"$message","reason":"$reason"$more}\n);
}

sub problem {
    my ($status, $message, $reason, $more) = told(@_);

    return qq({"type":"about:blank","title":"$Phrase{$status}",)
           . qq("status":$status,"detail":"$message",)
           . qq("reason":"$reason"$more}\n);
}

sub lenra {
    my ($status, $message, $reason, $more) = told(@_);

    return qq({"message":"$message","reason":"$reason"$more}\n);
}

my %Form = (luzmo => \&luzmo, problem => \&problem, lenra => \&lenra);

sub refused {
    my ($form, @refusal) = @_;
    my ($status) = told(@refusal);

    return "$status " . $Form{$form}->(@refusal);
}


# nginx's own page, with "server_tokens off".
sub page {
    my ($status) = @_;

    return join "\r\n", '<html>', "<head><title>$status</title></head>",
        '<body>', "<center><h1>$status</h1></center>",
        '<hr><center>nginx</center>', '</body>', '</html>', '';
}

1;
