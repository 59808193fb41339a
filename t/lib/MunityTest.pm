package MunityTest;

# What the blocks of Munity's tests share: an application that answers with what
# it got, events as JSON, and what is to be answered.
#
#     use WebhookTest 'no_plan';
#     use MunityTest;
#
# A block without config has $Config: /hook, and /pass with unknown=pass.  The
# application behind both answers with method, media type, the header X-Show,
# and from the second line on the body.

use strict;
use warnings;

use Answers qw(echo problem);
use Exporter qw(import);
use WebhookTest;

our @EXPORT = qw(@Envelope @Events %Members %Type problem text about missing
                 twice invalid unknown syntax no_object passed post padding);

our $HttpConfig = echo(
    text => '"$request_method $content_type $http_x_show\n$request_body"');

our $Config = <<'_EOC_';
    webhook_secret off;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /pass {
        webhook munity unknown=pass;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
_EOC_


# --- the events -----------------------------------------------------------

our @Envelope = qw(workspace_id customer_id event state payload);

our @Events = (
    webhook_test => [qw(test)],
    integration_new_data_model => [qw(id resource_id type)],
    integration_updated_data_model => [qw(id resource_id type diff data)],
    integration_deleted_data_model => [qw(id resource_id type)],
    integration_installed => [qw(id connector_type metadata state)],
    integration_import_done => [qw(id connector_type)],
    integration_cannot_refresh_oauth_token => [qw(id error)],
    integration_oauth_token_fixed => [qw(id)],
);

our %Members = @Events;
@Events = grep { !ref } @Events;

our %Type = (
    workspace_id => 'string',
    customer_id => 'string or null',
    event => 'string',
    state => 'any',
    payload => 'object',

    'payload.test' => 'boolean',
    'payload.id' => 'identifier',
    'payload.resource_id' => 'identifier',
    'payload.type' => 'nonempty',
    'payload.connector_type' => 'nonempty',
    map { ("payload.$_" => 'any') } qw(diff data metadata state error),
);

our %Value = (
    workspace_id => '"ws-1"',
    customer_id => '"cu-1"',
    state => '"st-1"',

    'payload.test' => 'true',
    'payload.id' => '"id-1"',
    'payload.resource_id' => '42',
    'payload.type' => '"invoice"',
    'payload.connector_type' => '"ledger"',
    map { ("payload.$_" => qq({"$_":[1,null]})) }
        qw(diff data metadata state error),
);

our %Must = (
    'string' => 'must be a string',
    'string or null' => 'must be a string',
    'object' => 'must be an object',
    'boolean' => 'must be true or false',
    'identifier' => 'must be a non-empty string or an integer',
    'nonempty' => 'must be a non-empty string',
);


# An event as JSON.  %set has values for members by their path (undef: the
# member is left out), and:
#
#     twice => path         a member that comes once more, at the end
#     more, payload_more    members to add, as text
#     reverse => 1          payload before event, and all else turned around

sub text {
    my ($event, %set) = @_;

    my $object = sub {
        my ($prefix, $names, $more, %value) = @_;

        my @members = map { qq("$_":) . $value{"$prefix$_"} }
                      grep { defined $value{"$prefix$_"} }
                      @$names,
                      grep { "$prefix$_" eq ($set{twice} // '') } @$names;

        push @members, $more if defined $more;
        @members = reverse @members if $set{reverse};

        return '{' . join(',', @members) . '}';
    };

    my %value = (%Value, event => qq("$event"), %set);

    $value{payload} = $object->('payload.', $Members{$event} // [],
                                $set{payload_more}, %value)
        if !exists $set{payload};

    return $object->('', \@Envelope, $set{more}, %value);
}


# --- what is to be answered -----------------------------------------------

sub about {
    my ($field, $reason, $detail) = @_;

    return problem(400, "$field $detail", $reason, field => $field);
}


sub missing { about(shift, 'missing_field', 'is required') }
sub twice   { about(shift, 'duplicate_field', 'is there more than once') }
sub invalid { about($_[0], 'invalid_field', $Must{$Type{$_[0]}}) }
sub unknown { about('event', 'unknown_event', 'names no known event') }

sub syntax { problem('invalid_json', offset => shift) }

sub no_object {
    return problem(400, 'the body must be a JSON object', 'invalid_field');
}

# the application's answer; $show is the event
sub passed {
    my ($show, $body, $type) = @_;

    return 'POST ' . ($type // 'application/json') . " $show\n$body";
}


# --- requests and blocks --------------------------------------------------

sub post {
    my ($body, $uri) = @_;

    return 'POST ' . ($uri // '/hook') . "\n$body";
}


# 64 KB of members that no shape names, although they look like it deeper down

sub padding {
    my $text = join ',', map {
        sprintf '"pad-%04d":{"event":%d,"payload":{"id":null,"payload":[]},'
                . '"filler":"%s"}', $_, $_, 'x' x 64
    } 0 .. 540;

    die if length $text < 65536;

    return $text;
}


add_block_preprocessor(sub {
    my $block = shift;

    my %default = (
        http_config => $HttpConfig,
        config => $Config,
        more_headers => 'Content-Type: application/json',
        defined $block->must_die ? (request => 'GET /t') : (),
    );

    for (keys %default) {
        $block->set_value($_, $default{$_}) if !defined $block->$_;
    }
});

1;
